// Attentions as parts of a transformer block: the table of kinds, walked.
#include "attention/attention.h"
#include "attention/feature_map.h"
#include "attention/linear_mixer.h"
#include "attention/score_mixer.h"
#include "layers/rows_of.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kModel = 12;

struct Variant {
  std::string name;
  std::unique_ptr<AttentionOptions> options;
  bool positions = false;
};

std::unique_ptr<ScoreMixerOptions> scores(std::string_view normalizer, std::string_view positions = "none",
                                          int window = 0) {
  auto options = std::make_unique<ScoreMixerOptions>();
  REQUIRE(options->normalizer.choose(normalizer));
  REQUIRE(options->positions.choose(positions));
  options->window = window;
  options->heads = 3;
  return options;
}

// The table with defaults, every normalizer, every kind of positions, windows, grouped and normalised heads.
std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (const Kind& kind : attention_kinds()) {
    auto options = kind.make();
    dynamic_cast<MultiHeadOptions&>(*options).heads = 3;
    all.push_back({std::string(kind.name),
                   std::unique_ptr<AttentionOptions>(dynamic_cast<AttentionOptions*>(options.release()))});
  }
  for (const Kind& kind : normalizer_kinds())
    all.push_back({fmt::format("softmax / {}", kind.name), scores(kind.name)});
  for (const Kind& kind : position_kinds())
    all.push_back({fmt::format("positions {}", kind.name), scores("softmax", kind.name), kind.name != "none"});
  all.push_back({"window", scores("softmax", "rope", 3), true});
  all.push_back({"ssmax in a window", scores("ssmax", "none", 3), true});
  auto grouped = scores("sigmoid", "rope");
  grouped->kv_heads = 1;
  grouped->head_width = 6;
  grouped->qk_norm = true;
  all.push_back({"grouped, normalised", std::move(grouped), true});
  auto reference = scores("softmax");
  reference->kernel = "reference";
  all.push_back({"reference", std::move(reference)});
  auto linear = std::make_unique<LinearMixerOptions>();
  linear->heads = 2;
  linear->kv_heads = 1;
  linear->qk_norm = true;
  all.push_back({"linear, grouped", std::move(linear)});
  return all;
}

// A mixer with its parameters, to run by itself.
struct Running {
  std::unique_ptr<TokenMixer> mixer;
  Parameters parameters;
  Tape tape;
  Context context;

  Running(const AttentionOptions& options, bool causal, DType dtype, bool cross = false)
      : mixer(options.make({.d_model = kModel,
                            .causal = causal,
                            .cross = cross,
                            .init = Init::normal(0.4),
                            .output = Init::normal(0.4)})),
        parameters(*mixer, dtype, Rng(5, "test")),
        context(tape, parameters) {
    // Biases start at zero; here they take part.
    for (const auto& entry : parameters.entries())
      if (entry.parameter->init.kind == Init::Kind::constant)
        Rng(6, entry.name).fill_uniform(entry.parameter->value, 0.3, 0.9);
  }
  Tensor forward(const Tensor& x, const Sequences& sequences, const Tensor& memory = {}, const Tensor& lengths = {}) {
    context.begin(0, 0);
    const Var m = memory.defined() ? tape.constant(memory) : Var();
    return mixer->forward(context, tape.constant(x), sequences, m, lengths).value().clone();
  }
};

Tensor tokens(const Tensor& x, Index first, Index count) {
  Tensor part = Tensor::empty({x.dim(0), count, x.dim(2)}, x.dtype());
  for (Index i = 0; i < part.size(); ++i) {
    const Index b = i / (count * x.dim(2)), rest = i % (count * x.dim(2));
    part.set(i, x.at((b * x.dim(1) + first) * x.dim(2) + rest));
  }
  return part;
}

}  // namespace

TEST_CASE("decoding step by step equals the full pass", "[attention][mixer]") {
  constexpr Index n = 19;
  for (const Variant& variant : variants()) {
    Running run(*variant.options, true, DType::float32);
    const Tensor x = random_tensor({2, n, kModel}, 1, -1, 1, DType::float32);
    const Tensor full = run.forward(x, {.causal = true});
    for (const auto& cuts : {std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19},
                             std::vector<Index>{0, 11, 12, 15, 19}}) {
      const auto state = run.mixer->make_state(2, n, DType::float32);
      for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
        run.context.begin(0, 0);
        const Var part = run.tape.constant(tokens(x, cuts[i], cuts[i + 1] - cuts[i]));
        const Var y = run.mixer->step(run.context, part, *state, {.causal = true, .start = cuts[i]});
        INFO(variant.name << ", tokens from " << cuts[i]);
        check_close(y.value(), tokens(full, cuts[i], cuts[i + 1] - cuts[i]), 1e-5);
      }
    }
  }
}

TEST_CASE("states follow their sequences when those fork and end", "[attention][mixer]") {
  constexpr Index n = 9, before = 5;
  for (const Variant& variant : variants()) {
    INFO(variant.name);
    Running run(*variant.options, true, DType::float64);
    const Tensor x = random_tensor({2, n, kModel}, 1);
    const Tensor full = run.forward(x, {.causal = true});
    for (const std::vector<Index>& rows : {std::vector<Index>{1, 0, 1}, {1}, {0, 1}}) {
      const auto state = run.mixer->make_state(2, n, DType::float64);
      run.context.begin(0, 0);
      run.mixer->step(run.context, run.tape.constant(tokens(x, 0, before)), *state, {.causal = true});
      state->reorder(rows);
      const Tensor rest = tokens(rows_of(x, rows), before, n - before);
      const Var y = run.mixer->step(run.context, run.tape.constant(rest), *state, {.causal = true, .start = before});
      check_close(y.value(), tokens(rows_of(full, rows), before, n - before));
    }
  }
}

TEST_CASE("gradients of the parameters of every attention", "[attention][mixer][gradcheck]") {
  for (const Variant& variant : variants())
    for (const bool causal : {false, true}) {
      INFO(variant.name << ", causal " << causal);
      Running run(*variant.options, causal, DType::float64);
      Tape tape;
      Context context(tape, run.parameters, Rng(1, "run"));
      Tensor gradients = run.parameters.make_flat();
      context.set_gradients(gradients);
      context.begin(0, 0);
      const Tensor x = random_tensor({2, 5, kModel}, 2, -1, 1);
      const Tensor dy = random_tensor({2, 5, kModel}, 3, -1, 1);
      const Sequences sequences{.lengths = lengths_of({3, 5}), .causal = causal};
      tape.backward(run.mixer->forward(context, tape.constant(x), sequences), dy);
      const auto loss = [&] {
        const Tensor y = run.forward(x, sequences);
        return (y.vec<double>() * dy.vec<double>()).sum();
      };
      for (const auto& entry : run.parameters.entries()) {
        Tensor value = entry.parameter->value;
        const Index stride = std::max<Index>(1, entry.size / 7);
        for (Index i = 0; i < entry.size; i += stride) {
          constexpr double kStep = 1e-4;
          const double at = value.at(i);
          std::array<double, 4> l{};
          const std::array<double, 4> moves{-2, -1, 1, 2};
          for (std::size_t k = 0; k < 4; ++k) {
            value.set(i, at + moves[k] * kStep);
            l[k] = loss();
          }
          value.set(i, at);
          const double numeric = (l[0] - 8 * l[1] + 8 * l[2] - l[3]) / (12 * kStep);
          INFO(entry.name << "[" << i << "]");
          CHECK(gradients.at(entry.offset + i) == Approx(numeric).epsilon(1e-7).margin(1e-7));
        }
      }
    }
}

TEST_CASE("attention without positions does not know the order of tokens", "[attention][mixer]") {
  constexpr Index n = 13;
  for (const Variant& variant : variants()) {
    Running run(*variant.options, false, DType::float64);
    const Tensor x = random_tensor({1, n, kModel}, 1, -1, 1);
    const auto order = Rng(4, "order").permutation(n);
    const auto permuted = [&](const Tensor& t) {
      Tensor result = t.clone();
      for (Index i = 0; i < n * kModel; ++i)
        result.set(i, t.at(order[static_cast<std::size_t>(i / kModel)] * kModel + i % kModel));
      return result;
    };
    const Tensor a = run.forward(permuted(x), {}), b = permuted(run.forward(x, {}));
    INFO(variant.name);
    if (!variant.positions) check_close(a, b, 1e-10);
    else CHECK((a.vec<double>() - b.vec<double>()).abs().maxCoeff() > 1e-4);
  }
}

TEST_CASE("a cross attention reads its memory up to its true length", "[attention][mixer]") {
  for (const Variant& variant : variants()) {
    Running run(*variant.options, false, DType::float64, true);
    const Tensor x = random_tensor({2, 3, kModel}, 1, -1, 1), memory = random_tensor({2, 7, kModel}, 2, -1, 1);
    Tensor other = memory.clone();
    for (Index i = 4 * kModel; i < 7 * kModel; ++i) other.set(i, 50);
    const Tensor lengths = lengths_of({4, 7});
    INFO(variant.name);
    CHECK(
        same_bits(run.forward(x, {.causal = true}, memory, lengths), run.forward(x, {.causal = true}, other, lengths)));
    CHECK_FALSE(same_bits(run.forward(x, {}, memory), run.forward(x, {}, other)));
  }
}

TEST_CASE("names of an attention's parameters", "[attention][mixer]") {
  auto options = scores("ssmax", "t5");
  options->qk_norm = true;
  Running run(*options, true, DType::float32);
  std::vector<std::string> names;
  for (const auto& entry : run.parameters.entries()) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"query.weight", "query.bias", "key.weight", "key.bias", "value.weight",
                                          "value.bias", "output.weight", "output.bias", "query_norm.weight",
                                          "key_norm.weight", "normalizer.scale", "positions.table"});
}

TEST_CASE("attention refuses what does not fit", "[attention][mixer][errors]") {
  ScoreMixerOptions options;
  options.heads = 5;
  CHECK(error_of([&] { options.make({.d_model = 12}); }) ==
        "attention: 5 heads do not divide d_model 12; choose another attention.heads, or give attention.head_width");
  options.heads = 4;
  options.kv_heads = 3;
  CHECK(error_of([&] { options.make({.d_model = 12}); }) ==
        "attention: 3 key heads do not divide 4 query heads; both come from attention.heads and attention.kv_heads");
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].key == "kv_heads");
  CHECK(options.problems()[0].message == "3 key heads do not divide 4 query heads");

  Running run(*scores("softmax"), true, DType::float32);
  const Tensor x = Tensor::zeros({1, 3, kModel}, DType::float32);
  CHECK(error_of([&] { run.forward(x, {}, x); }) == "attention: a memory came, but this attention reads its own input");
  run.context.begin(0, 0);
  const auto state = run.mixer->make_state(1, 4, DType::float32);
  const auto step = [&](const Sequences& s) { run.mixer->step(run.context, run.tape.constant(x), *state, s); };
  CHECK(error_of([&] { step({}); }) ==
        "attention: decoding wants causal sequences without lengths of their own; decode "
        "sequences of one length together");
  CHECK(error_of([&] { step({.causal = true, .start = 2}); }) ==
        "attention: the step starts at token 2, but the state holds 0");
  step({.causal = true});
  CHECK(error_of([&] { step({.causal = true, .start = 3}); }) ==
        "attention: 3 tokens for 1 sequences came on top of 3; the state has room for 4 tokens of 1 sequences");
}
