#include "core/ops/precise_cross_entropy.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace tempera;

namespace {

struct Found {
  double loss;
  Tensor gradient;
  PreciseSums sums;
};

// One row of logits with a target.
template <class Loss>
Found of_row(std::vector<double> z, std::int32_t target, Loss loss, DType dtype = DType::float64) {
  Tape tape;
  const auto n = static_cast<Index>(z.size());
  const Var x = tape.leaf(Tensor::from<double>({1, n}, z).to(dtype));
  Found found;
  const Var l = loss(x, Tensor::from<std::int32_t>({1}, {target}), &found.sums);
  tape.backward(l);
  found.loss = l.value().item();
  found.gradient = tape.grad(x).clone();
  return found;
}

Found stablemax(std::vector<double> z, std::int32_t target, DType dtype = DType::float64) {
  return of_row(
      std::move(z), target,
      [](const Var& x, const Tensor& t, PreciseSums* s) { return stablemax_cross_entropy(x, t, {}, 1, -1, s); }, dtype);
}

Found softmax(std::vector<double> z, std::int32_t target, Arithmetic arithmetic, DType dtype = DType::float64) {
  return of_row(
      std::move(z), target,
      [=](const Var& x, const Tensor& t, PreciseSums* s) {
        return precise_cross_entropy(x, t, {}, 1, arithmetic, -1, s);
      },
      dtype);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("StableMax of a worked row", "[precise_cross_entropy]") {
  // s = (3, 1, 1/2, 1/4), so p = (12, 4, 2, 1) / 19.
  const Found found = stablemax({2, 0, -1, -3}, 0);
  CHECK(found.loss == Approx(std::log(19. / 12)).epsilon(1e-14));
  CHECK(found.loss == Approx(0.459532).epsilon(1e-6));
  const double gradient[] = {-0.122807, 0.210526, 0.052632, 0.013158};
  for (Index i = 0; i < 4; ++i) CHECK(found.gradient.at(i) == Approx(gradient[i]).epsilon(1e-4));
  CHECK(found.sums.correct == 1);
  CHECK(found.sums.collapsed == 0);
}

TEST_CASE("StableMax is the softmax of logarithms", "[precise_cross_entropy]") {
  const std::vector<double> z = {3.5, -0.25, 0, -40, 1e-9, 700};
  std::vector<double> g;
  for (const double x : z) g.push_back(x >= 0 ? std::log1p(x) : -std::log1p(-x));
  for (std::int32_t t = 0; t < 6; ++t)
    CHECK(stablemax(z, t).loss == Approx(softmax(g, t, Arithmetic::float64).loss).epsilon(1e-13));
}

TEST_CASE("the softmax collapses where its arithmetic ends", "[precise_cross_entropy]") {
  // 1 + exp(-gap) rounds to 1 from 11, 24 and 53 times ln 2 on.
  const auto collapses = [](double gap, Arithmetic a) { return softmax({gap, 0}, 0, a).sums.collapsed == 1; };
  CHECK_FALSE(collapses(7.60, Arithmetic::float16));
  CHECK(collapses(7.65, Arithmetic::float16));
  CHECK_FALSE(collapses(16.6, Arithmetic::float32));
  CHECK(collapses(16.7, Arithmetic::float32));
  CHECK_FALSE(collapses(36.7, Arithmetic::float64));
  CHECK(collapses(36.8, Arithmetic::float64));
}

TEST_CASE("at a gap of 20 float32 has no gradient left, float64 and StableMax have", "[precise_cross_entropy]") {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Found single = softmax({20, 0}, 0, Arithmetic::float32, dtype);
    CHECK(single.gradient.at(0) == 0);
    CHECK(single.loss == 0);
    CHECK(single.sums.zero == 1);
    const Found twice = softmax({20, 0}, 0, Arithmetic::float64, dtype);
    CHECK(twice.gradient.at(0) == Approx(-2.061e-9).epsilon(1e-3));  // -1 / (1 + e^20)
    CHECK(twice.sums.zero == 0);
    CHECK(stablemax({20, 0}, 0, dtype).gradient.at(0) == Approx(1. / 22 - 1. / 21).epsilon(1e-6));
  }
}

TEST_CASE("an arithmetic is near the exact loss as far as it reaches", "[precise_cross_entropy]") {
  const std::vector<double> z = {0.5, -1.25, 2, 0.125, -3};
  for (std::int32_t t = 0; t < 5; ++t) {
    const double exact = softmax(z, t, Arithmetic::float64).loss;
    CHECK(softmax(z, t, Arithmetic::float32).loss == Approx(exact).epsilon(1e-6));
    CHECK(softmax(z, t, Arithmetic::float16).loss == Approx(exact).epsilon(4e-3));
    CHECK(softmax(z, t, Arithmetic::float16).loss != softmax(z, t, Arithmetic::float32).loss);
  }
}

TEST_CASE("logits without a bound", "[precise_cross_entropy]") {
  for (const Arithmetic a : {Arithmetic::float16, Arithmetic::float32, Arithmetic::float64}) {
    CHECK(softmax({-kInfinity, -kInfinity}, 0, a).loss == kInfinity);
    CHECK(softmax({-kInfinity, -kInfinity}, 0, a).gradient.at(0) == 0);
    CHECK(softmax({0, -kInfinity}, 1, a).loss == kInfinity);
    CHECK(softmax({0, -kInfinity}, 0, a).loss == 0);
  }
  CHECK(stablemax({-kInfinity, -kInfinity}, 0).loss == kInfinity);
  CHECK(stablemax({-kInfinity, -kInfinity}, 0).gradient.at(1) == 0);
  CHECK(stablemax({2, -kInfinity}, 0).loss == 0);
  CHECK(std::isfinite(stablemax({2, -kInfinity}, 0).gradient.at(1)));
}
