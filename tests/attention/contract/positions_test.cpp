// Every normalizer with every kind of positions, and with learned ones, which are added to the tokens.
#include "attention/positions.h"

#include "core/ops/elementwise.h"
#include "tests/attention/contract/compare.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kTokens = 4, kModel = 48;

// A score attention of three heads over the tokens x, its parameters drawn.
class Placed {
 public:
  Placed(const ScoreMixerOptions& options, bool learned, bool causal)
      : mixer_(options.make({.d_model = kModel, .causal = causal})),
        parameters_(*mixer_, DType::float64, Rng(5, "test")),
        learned_(learned),
        causal_(causal) {
    inputs_ = {random_tensor({2, kTokens, kModel}, 1), random_tensor({1, kTokens, kModel}, 2, -0.5, 0.5)};
    for (const auto& entry : parameters_.entries()) {
      Tensor value = Tensor::empty(entry.parameter->shape, DType::float64);
      Rng(6, entry.name).fill_uniform(value, -0.3, 0.4);
      inputs_.push_back(value);
    }
  }
  const std::vector<Tensor>& inputs() const { return inputs_; }
  Function function() const {
    return [this](std::span<const Var> x) {
      Context context(x[0].tape(), parameters_);
      context.bind(x.subspan(2));
      return mixer_->forward(context, learned_ ? x[0] + x[1] : x[0], {.causal = causal_});
    };
  }

 private:
  std::unique_ptr<TokenMixer> mixer_;
  Parameters parameters_;
  std::vector<Tensor> inputs_;  // tokens, learned positions, parameters
  bool learned_, causal_;
};

// Gradients by finite differences, and blocks against the definition. Empty where all is well.
std::string disagreement(const ScoreMixerOptions& blocks, bool learned, bool causal) {
  const Placed fast(blocks, learned, causal);
  GradcheckOptions check;
  check.tolerance = 1e-7;
  check.max_entries = 1;
  const auto report = gradcheck(fast.function(), fast.inputs(), check);
  if (!report.ok) return report.table("gradient");
  auto reference = scores(blocks.normalizer.type(), blocks.positions.type());
  reference->kernel = "reference";
  const Placed slow(*reference, learned, causal);
  const Tensor dy = random_tensor({2, kTokens, kModel}, 3);
  const Played a = play(fast.function(), fast.inputs(), dy), b = play(slow.function(), slow.inputs(), dy);
  std::string wrong = difference("output", a.y, b.y, 1e-12);
  for (std::size_t i = 0; i < a.dx.size(); ++i)
    wrong += difference(fmt::format("gradient {}", i), a.dx[i], b.dx[i], 1e-9);
  return wrong;
}

}  // namespace

TEST_CASE("every normalizer goes with every kind of positions", "[attention][contract]") {
  std::vector<std::string_view> kinds{"learned"};
  for (const Kind& kind : position_kinds()) kinds.push_back(kind.name);
  for (const Kind& normalizer : normalizer_kinds())
    for (const std::string_view positions : kinds) {
      const bool learned = positions == "learned";
      const auto options = scores(normalizer.name, learned ? "none" : positions);
      for (const bool causal : {false, true}) {
        if (causal && !options->traits().causal) continue;
        INFO(normalizer.name << " with " << positions << (causal ? ", causal" : ""));
        CHECK(disagreement(*options, learned, causal) == "");
      }
    }
}
