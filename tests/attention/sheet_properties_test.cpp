// What the papers say of their weights beside worked numbers: limits, invariances, bounds.
#include "attention/normalizers/qknorm.h"
#include "attention/normalizers/stablemax.h"
#include "layers/mlp.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

// One score of `gap` above n - 1 scores of 0.
double top_weight(const ScoreNormalizer& normalizer, Index n, double gap) {
  std::vector<double> s(static_cast<std::size_t>(n), 0.);
  s[0] = gap;
  return weights_of(normalizer, s).at(0);
}

}  // namespace

TEST_CASE("SSMax gives all to a score that leads by more than 1 / s, and nothing to one that leads by less",
          "[attention][sheets]") {
  const SSMax half(1, 0.5, false, false);
  for (const auto& [gap, rises] : {std::pair{3., true}, {1., false}}) {
    double before = rises ? 0 : 1;
    for (const Index n : {10, 100, 1000, 10000}) {
      const double w = top_weight(half, n, gap);
      CHECK((rises ? w > before : w < before));
      before = w;
    }
    CHECK((rises ? before > 0.98 : before < 0.011));
  }
  const SSMax narrow(1, 0.43, false, false);
  CHECK(top_weight(narrow, 10000, 5) == Approx(1 / (1 + 9999 * std::pow(10000., -5 * 0.43))).epsilon(1e-12));
  CHECK(top_weight(narrow, 10000, 5) == Approx(0.999975).epsilon(1e-6));
  check_close(weights_of(narrow, {3, 1, 2}), weights_of(narrow, {-7, -9, -8}), 1e-12);
}

TEST_CASE("StableMax is the softmax of a logarithm", "[attention][sheets]") {
  const std::vector<double> z{2, 0, -1, -3};
  std::vector<double> g;
  for (const double x : z) g.push_back(x >= 0 ? std::log(x + 1) : -std::log(1 - x));
  check_close(weights_of(StableMax(), z), weights_of(Softmax(), g), 1e-15);
  check_close(weights_of(StableMax(), z), f64({4}, {0.631579, 0.210526, 0.105263, 0.052632}), 1e-6);
}

TEST_CASE("sigmoid weights know nothing of each other, and are the softmax of many small scores",
          "[attention][sheets]") {
  const Sigmoid fixed(1, -1., false);
  const Tensor all = weights_of(fixed, {1, 0, -1, 2}), some = weights_of(fixed, {0, 2});
  CHECK(all.at(1) == some.at(0));
  CHECK(all.at(3) == some.at(1));
  const Tensor j = jacobian_of(fixed, {1, 0, 40});
  for (Index i = 0; i < 3; ++i)
    for (Index k = 0; k < 3; ++k)
      CHECK(j.at(i * 3 + k) ==
            Approx(i == k ? weights_of(fixed, {1, 0, 40}).at(i) * (1 - weights_of(fixed, {1, 0, 40}).at(i)) : 0.)
                .margin(1e-15));
  std::vector<double> s(4000, 0.);
  s[3] = 1.5;
  const Tensor w = weights_of(Sigmoid(1, std::nullopt, false), s);
  CHECK(w.at(3) == Approx(std::exp(1.5) / 4000).epsilon(2e-3));
  CHECK(w.at(0) == Approx(1. / 4001).epsilon(1e-12));
}

TEST_CASE("cosines bound what a row of attention may give", "[attention][sheets]") {
  const double g = 4;
  const auto ten = variant<QKNormOptions>(1, [&](auto& o) { o.scale = g; });
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Tensor w = weights_of(*ten, random_tensor({9}, seed, -1, 1).to_vector());
    CHECK(w.vec<double>().maxCoeff() <= std::exp(2 * g) * w.vec<double>().minCoeff() * (1 + 1e-12));
    CHECK(w.vec<double>().maxCoeff() <= 1 / (1 + 8 * std::exp(-2 * g)));
  }
  const auto flat = variant<QKNormOptions>(1, [](auto& o) { o.scale = 1e-12; });
  check_close(weights_of(*flat, {1, -1, 0.3}), f64({3}, {1 / 3., 1 / 3., 1 / 3.}), 1e-11);
}

TEST_CASE("self-adjust softmax keeps the order of scores that are not negative", "[attention][sheets]") {
  const auto clamped = variant<SASoftmaxOptions>(1, [](auto& o) { o.form = "clamped"; });
  const Tensor w = weights_of(*clamped, {0.1, 2, 0, 1.4, 0.7});
  CHECK(w.at(1) > w.at(3));
  CHECK(w.at(3) > w.at(4));
  CHECK(w.at(4) > w.at(0));
  CHECK(w.at(0) > w.at(2));
  CHECK(w.vec<double>().maxCoeff() <= 1);
}

TEST_CASE("re-weighted softplus keeps no more keys than lie above the mean", "[attention][sheets]") {
  const auto sharp = variant<SoftplusOptions>(1, [](auto& o) {
    o.reweight = "always";
    o.power = 3;
  });
  const auto plain = variant<SoftplusOptions>(1, [](auto& o) { o.reweight = "never"; });
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto c = random_tensor({20}, seed, -1, 1).to_vector();
    const Tensor w = weights_of(*sharp, c), a = weights_of(*plain, c);
    Index kept = 0, above = 0;
    for (Index i = 0; i < 20; ++i) {
      kept += w.at(i) > 0;
      above += a.at(i) > 1 / 20.;
    }
    CHECK(kept <= above);
    CHECK(kept > 0);
    CHECK(a.vec<double>().sum() == Approx(1).epsilon(1e-14));
    CHECK(w.vec<double>().sum() == Approx(1).epsilon(1e-7));
  }
}

TEST_CASE("ReLUFormer's gamma divides its weights", "[attention][sheets]") {
  const auto three = variant<ReluformerOptions>(1, [](auto& o) { o.gamma = 3; });
  Tensor w = weights_of(*three, {1, 0, -1, 2}).clone();
  w.vec<double>() *= 3;
  check_close(w, weights_of(*made(ReluformerOptions()), {1, 0, -1, 2}), 1e-15);
}

TEST_CASE("a memory's slots are weighed by a softmax; with a norm their size does not matter", "[layers][sheets]") {
  const Tensor x = random_tensor({2, 6}, 1);
  const auto run = [&](std::string_view kind, double factor) {
    MLP mlp(6, {.kind = kind, .hidden = 9});
    Parameters parameters(mlp, DType::float64, Rng(1, "memory"));
    for (const char* name : {"up.weight", "down.weight"}) {
      Tensor& w = parameters.find(name).parameter->value;
      Rng(2, name).fill_normal(w, 0, 1);
      if (std::string_view(name) == "down.weight") w.vec<double>() *= factor;
    }
    CHECK(parameters.entries().size() == (kind == "memory" ? 2 : 4));
    Tape tape;
    Context context(tape, parameters);
    context.begin(0, 0);
    const Tensor y = mlp.forward(context, tape.constant(x)).value().clone();
    if (kind == "memory") {
      const auto keys = parameters.find("up.weight").parameter->value.mat<double>();
      const auto values = parameters.find("down.weight").parameter->value.mat<double>();
      for (Index row = 0; row < 2; ++row) {
        Eigen::VectorXd w = keys * x.mat<double>().row(row).transpose();
        w = (w.array() - w.maxCoeff()).exp();
        const Eigen::VectorXd wanted = values * w / w.sum();
        for (Index c = 0; c < 6; ++c) CHECK(y.at(row * 6 + c) == Approx(wanted[c]).epsilon(1e-12));
      }
    }
    return y;
  };
  run("memory", 1);
  check_close(run("memory_norm", 7), run("memory_norm", 1), 1e-4);
}
