#include "attention/normalizers/qknorm.h"

#include "attention/score_mixer.h"
#include "tests/support/attention.h"

using namespace tempera;

TEST_CASE("the scale of query-key normalisation", "[attention][sheets]") {
  for (const auto& [length, scale] : {std::pair{72, 12.3197}, {64, 11.9773}, {32, 9.9542}, {16, 7.9069}}) {
    const auto normalizer = variant<QKNormOptions>(3, [&](auto& o) { o.length = length; });
    CHECK(normalizer->entries()[0].parameter.init.a == Approx(scale).epsilon(1e-5));
    CHECK(normalizer->entries()[0].parameter.shape == Shape{1});
    CHECK_FALSE(normalizer->entries()[0].parameter.decay);
  }
  const auto ten = variant<QKNormOptions>(1, [](auto& o) { o.scale = 10; });
  check_close(weights_of(*ten, {1, 0.96}), f64({2}, {0.598688, 0.401312}), 1e-6);
}

TEST_CASE("an attention of cosines does not know the length of its queries and keys", "[attention][mixer][sheets]") {
  ScoreMixerOptions options;
  REQUIRE(options.normalizer.choose("qknorm"));
  options.heads = 2;
  const auto mixer =
      options.make({.d_model = 8, .bias = false, .init = Init::normal(0.4), .output = Init::normal(0.4)});
  Parameters parameters(*mixer, DType::float64, Rng(1, "test"));
  const Tensor x = random_tensor({1, 5, 8}, 1);
  const auto forward = [&] {
    Tape tape;
    Context context(tape, parameters);
    context.begin(0, 0);
    return mixer->forward(context, tape.constant(x), {}).value().clone();
  };
  const Tensor before = forward();
  for (const char* name : {"query.weight", "key.weight"}) parameters.find(name).parameter->value.vec<double>() *= 7;
  check_close(forward(), before);
  // Zero queries have no direction: all keys are equal.
  parameters.find("query.weight").parameter->value.fill(0);
  CHECK(forward().vec<double>().isFinite().all());
}
