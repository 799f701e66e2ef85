// What attentions show to an observer: weights by the definition, which give the output when they weigh the values.
#include "attention/linear_mixer.h"
#include "attention/score_mixer.h"
#include "core/ops/matmul.h"
#include "tests/support/attention.h"
#include "tests/support/modules.h"

using namespace tempera;

namespace {

constexpr Index kModel = 6;

struct Seen : WeightsObserver {
  std::vector<std::pair<std::string, Tensor>> all;
  void see(std::string_view path, const Tensor& weights) override { all.emplace_back(path, weights.clone()); }
};

// A mixer that gives what it weighs: values are the input, and so is the output. With tokens one-hot the output is the
// matrix of weights, in each head its own part.
std::unique_ptr<TokenMixer> plain_mixer(const std::string& type, const std::string& normalizer, bool cross) {
  std::unique_ptr<AttentionOptions> options;
  for (const Kind& kind : attention_kinds())
    if (kind.name == type) options.reset(dynamic_cast<AttentionOptions*>(kind.make().release()));
  if (auto* score = dynamic_cast<ScoreMixerOptions*>(options.get())) {
    score->heads = 1;
    REQUIRE(score->normalizer.choose(normalizer));
  } else {
    dynamic_cast<LinearMixerOptions&>(*options).heads = 1;
  }
  return options->make({.d_model = kModel, .cross = cross, .bias = false, .init = Init::normal(1)});
}

void set_identity(Parameters& parameters, std::string_view name) {
  Tensor& w = parameters.find(name).parameter->value;
  w.fill(0);
  for (Index i = 0; i < kModel; ++i) w.set(i * kModel + i, 1);
}

}  // namespace

TEST_CASE("observed weights are those that the output is made of", "[attention][weights]") {
  struct Case {
    std::string type, normalizer;
  };
  for (const auto& [type, normalizer] :
       {Case{"softmax", "softmax"}, Case{"softmax", "ssmax"}, Case{"softmax", "sigmoid"}, Case{"linear", ""}})
    for (const bool cross : {false, true})
      for (const bool causal : {false, true}) {
        if (cross && causal) continue;
        INFO(type << ' ' << normalizer << ", cross " << cross << ", causal " << causal);
        const auto mixer = plain_mixer(type, normalizer, cross);
        Parameters parameters(*mixer, DType::float64, Rng(1, "run"));
        set_identity(parameters, "value.weight");
        set_identity(parameters, "output.weight");
        Tape tape;
        Context context(tape, parameters);
        context.begin(0, 0);
        Seen seen;
        context.observe_weights(&seen);
        const Tensor x = random_tensor({2, 5, kModel}, 1), memory = random_tensor({2, 4, kModel}, 2);
        const Tensor lengths = lengths_of({4, 2});
        const Tape::Scope scope(tape, "here");
        const Var y = mixer->forward(context, tape.constant(x), {.lengths = lengths, .causal = causal},
                                     cross ? tape.constant(memory) : Var(), cross ? lengths : Tensor());
        REQUIRE(seen.all.size() == 1);
        CHECK(seen.all[0].first == "here");
        const Tensor& weights = seen.all[0].second;
        const Tensor& values = cross ? memory : x;
        REQUIRE(weights.shape() == Shape{2, 1, 5, values.dim(1)});
        const Var weighed = matmul(tape.constant(weights.reshaped({2, 5, values.dim(1)})), tape.constant(values));
        check_close(weighed.value(), y.value(), 1e-10);
        for (Index b = 0; b < 2; ++b)
          for (Index i = 0; i < 5; ++i)
            for (Index j = 0; j < values.dim(1); ++j)
              if (j >= static_cast<Index>(lengths.at(b)) || (causal && j > i))
                CHECK(weights.at((b * 5 + i) * values.dim(1) + j) == 0);
      }
}

TEST_CASE("looking on changes no bit, and grouped queries show every head", "[attention][weights]") {
  ScoreMixerOptions options;
  options.heads = 4;
  options.kv_heads = 2;
  options.qk_norm = true;
  options.window = 2;
  const auto mixer = options.make({.d_model = 8, .causal = true});
  Parameters parameters(*mixer, DType::float32, Rng(1, "run"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Var x = tape.constant(random_tensor({2, 5, 8}, 1, -1, 1, DType::float32));
  const Tensor plain = mixer->forward(context, x, {.causal = true}).value().clone();
  Seen seen;
  context.observe_weights(&seen);
  CHECK(same_bits(mixer->forward(context, x, {.causal = true}).value(), plain));
  REQUIRE(seen.all.size() == 1);
  CHECK(seen.all[0].second.shape() == Shape{2, 4, 5, 5});
  CHECK(seen.all[0].second.at(4 * 5 + 2) == 0);  // out of the window
}
