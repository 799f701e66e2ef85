#include "attention/normalizers/scaled_softmax.h"

#include "attention/score_mixer.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

Tensor attended(std::string_view normalizer, double weight) {
  ScoreMixerOptions options;
  REQUIRE(options.normalizer.choose(normalizer));
  options.heads = 2;
  const auto mixer =
      options.make({.d_model = 8, .causal = true, .init = Init::normal(0.4), .output = Init::normal(0.4)});
  Parameters parameters(*mixer, DType::float64, Rng(1, "test"));
  for (const auto& entry : parameters.entries())
    if (entry.name.starts_with("normalizer.")) entry.parameter->value.fill(weight);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  return mixer->forward(context, tape.constant(random_tensor({2, 5, 8}, 1)), {.causal = true}).value().clone();
}

}  // namespace

TEST_CASE("a scale for each token and head", "[attention][sheets]") {
  // 2 sigmoid(0) = 1
  check_close(attended("scaled_softmax", 0), attended("softmax", 0));
  CHECK((attended("scaled_softmax", 1).vec<double>() - attended("softmax", 1).vec<double>()).abs().maxCoeff() > 1e-2);
}
