// Attentions as parts of a transformer block: names and errors. What holds for every kind is in contract/.
#include "attention/attention.h"
#include "attention/feature_map.h"
#include "attention/linear_mixer.h"
#include "attention/score_mixer.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kModel = 12;

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

}  // namespace

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
