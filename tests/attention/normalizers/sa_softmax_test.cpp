#include "attention/normalizers/sa_softmax.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> form(const char* name) {
  SASoftmaxOptions options;
  options.form = name;
  options.delta = 1e-10;
  return made(options);
}

}  // namespace

TEST_CASE("self-adjust softmax of a row", "[attention][sheets]") {
  const std::vector<double> x{2, 1, -1};
  check_close(weights_of(*form("score"), x), f64({3}, {1.410769, 0.259496, -0.035119}), 1e-6);
  check_close(weights_of(*form("range"), x), f64({3}, {0.705385, 0.172998, 0}), 1e-6);
  check_close(weights_of(*form("clamped"), x), f64({3}, {0.705385, 0.172998, 0}), 1e-6);
  check_close(weights_of(*form("shifted"), x), f64({3}, {3 * 0.705385, 2 * 0.259496, 0}), 1e-5);
}

TEST_CASE("the slope of a saturated row does not vanish", "[attention][sheets]") {
  const auto product = form("score");
  check_close(
      jacobian_of(*product, {2, 1, -1}),
      f64({3, 3}, {1.121019, -0.366090, -0.049545, -0.183045, 0.451655, -0.009113, 0.024772, 0.009113, 0.001233}),
      1e-6);
  CHECK(jacobian_of(Softmax(), {12, 0, 0, 0}).at(0) == Approx(1.8432e-05).epsilon(1e-4));
  CHECK(jacobian_of(*product, {12, 0, 0, 0}).at(0) == Approx(1.000203).epsilon(1e-6));
}

TEST_CASE("what moves a self-adjust softmax", "[attention][sheets]") {
  const std::vector<double> x{0.3, 1.2, 0.7}, moved{5.3, 6.2, 5.7};
  for (const char* name : {"shifted", "range"})
    check_close(weights_of(*form(name), moved), weights_of(*form(name), x), 1e-8);
  const Tensor here = weights_of(*form("clamped"), x), there = weights_of(*form("clamped"), moved);
  CHECK(std::abs(here.at(0) - there.at(0)) > 0.01);
  // A clamped row sums to 1 only where all scores are the same positive number.
  CHECK(here.vec<double>().sum() < 1);
  CHECK(weights_of(*form("clamped"), {2, 2, 2}).vec<double>().sum() == Approx(1).epsilon(1e-9));
  // One key: everything for a positive score, nothing for a negative one, and nothing where all are zero.
  CHECK(weights_of(*form("clamped"), {0.5}).at(0) == Approx(1).epsilon(1e-9));
  CHECK(weights_of(*form("clamped"), {-0.5}).at(0) == 0);
  check_close(weights_of(*form("clamped"), {0, 0}), f64({2}, {0, 0}));
}
