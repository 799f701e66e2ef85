#include "attention/normalizers/qknorm.h"

#include "attention/score_mixer.h"
#include "tests/support/attention.h"

using namespace tempera;

TEST_CASE("the scale of query-key normalisation", "[attention][sheets]") {
  for (const auto& [length, scale] : {std::pair{72, 12.3197}, {64, 11.9773}, {32, 9.9542}, {16, 7.9069}}) {
    const auto normalizer = variant<QKNormOptions>(3, [length = length](auto& o) { o.length = length; });
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

TEST_CASE("the gradient of a query is orthogonal to it, and no scale leaves the scale alone to learn",
          "[attention][mixer][sheets]") {
  ScoreMixerOptions options;
  REQUIRE(options.normalizer.choose("qknorm"));
  options.heads = 1;
  const auto mixer =
      options.make({.d_model = 6, .bias = false, .init = Init::normal(0.4), .output = Init::normal(0.4)});
  Parameters parameters(*mixer, DType::float64, Rng(1, "test"));
  const Tensor x = random_tensor({1, 5, 6}, 1), dy = random_tensor({1, 5, 6}, 2);
  const auto gradients = [&] {
    std::vector<Tensor> inputs;
    for (const auto& entry : parameters.entries()) inputs.push_back(entry.parameter->value.clone());
    return play(
               [&](std::span<const Var> vars) {
                 Context context(vars[0].tape(), parameters);
                 context.bind(vars);
                 return mixer->forward(context, vars[0].tape().constant(x), {});
               },
               inputs, dy)
        .dx;
  };
  // W_q scaled as a whole scales every query: <dW_q, W_q> is the sum of <dq, q>.
  const auto index_of = [&](std::string_view name) {
    return static_cast<std::size_t>(&parameters.find(name) - parameters.entries().data());
  };
  for (const char* name : {"query.weight", "key.weight"}) {
    const Tensor &w = parameters.find(name).parameter->value, g = gradients()[index_of(name)];
    const double size = std::sqrt(w.vec<double>().square().sum() * g.vec<double>().square().sum());
    CHECK(size > 1e-3);
    CHECK(std::abs((w.vec<double>() * g.vec<double>()).sum()) < 1e-12 * size);
  }
  parameters.find("normalizer.scale").parameter->value.fill(0);
  const auto still = gradients();
  CHECK(still[index_of("query.weight")].vec<double>().abs().maxCoeff() == 0);
  CHECK(std::abs(still[index_of("normalizer.scale")].at(0)) > 1e-6);
}

TEST_CASE("cosines of unit vectors at a scale are dot products of longer ones", "[attention][sheets]") {
  const double g = 3;
  const auto cosines = variant<QKNormOptions>(1, [&](auto& o) { o.scale = g; });
  const Tensor c = random_tensor({7}, 4, -1, 1);
  Tensor scores = c.clone();
  scores.vec<double>() *= g;  // of vectors of length width^(1/4) sqrt(g), over sqrt(width)
  check_close(weights_of(*cosines, c.to_vector()), weights_of(Softmax(), scores.to_vector()), 1e-14);
}
