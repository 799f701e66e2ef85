#include "attention/normalizers/power.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> power(const char* form, double eps, int steps = 0, double bound = 100) {
  return variant<PowerOptions>(1, [&](auto& o) {
    o.form = form;
    o.eps = eps;
    o.delta = 1e-12;
    o.reciprocal_steps = steps;
    o.bound = bound;
  });
}

const std::vector<double> kRow{2, 1, 0, -1};

}  // namespace

TEST_CASE("power softmax", "[attention][sheets]") {
  const Tensor exact = f64({4}, {16 / 18., 1 / 18., 0, 1 / 18.});
  check_close(weights_of(*power("plain", 0), kRow), exact);
  check_close(weights_of(*power("stable", 0), kRow), exact);
  check_close(weights_of(*power("mean", 0), kRow), exact);
  check_close(weights_of(*power("stable", 1e-3), kRow), f64({4}, {0.888099, 0.055506, 0, 0.055506}), 1e-6);
  check_close(jacobian_of(*power("plain", 0), kRow),
              f64({4, 4}, {0.197531, -0.197531, 0, 0.197531, -0.098765, 0.209877, 0, 0.012346, 0, 0, 0, 0, -0.098765,
                           -0.012346, 0, -0.209877}),
              1e-6);
}

TEST_CASE("power softmax knows sizes, neither scale nor sign", "[attention][sheets]") {
  for (const double c : {-1., 3., 1e10})
    check_close(weights_of(*power("stable", 1e-3), {2 * c, c, 0, -c}), weights_of(*power("stable", 1e-3), kRow), 1e-9);
  // Homogeneous of degree 0, so J s = 0.
  const Tensor j = jacobian_of(*power("plain", 0), kRow);
  for (Index i = 0; i < 4; ++i) {
    double sum = 0;
    for (Index k = 0; k < 4; ++k) sum += j.at(i * 4 + k) * kRow[static_cast<std::size_t>(k)];
    CHECK(std::abs(sum) < 1e-14);
  }
  check_close(weights_of(*power("stable", 1e-3), {0, 0, 0}), f64({3}, {0, 0, 0}));
}

TEST_CASE("only the stable form survives large scores in float32", "[attention][sheets]") {
  const std::vector<double> large{2e10, 1e10, 0, -1e10};
  CHECK_FALSE(weights_of(*power("plain", 0), large, false, DType::float32).vec<float>().isFinite().all());
  check_close(weights_of(*power("stable", 1e-3), large, false, DType::float32).to(DType::float64),
              weights_of(*power("stable", 1e-3), kRow), 1e-6);
}

TEST_CASE("a polynomial reciprocal comes as close as its steps allow", "[attention][sheets]") {
  // One score of 1 has the divisor eps + 1 = 1.5; with the bound 5.5 and eps 0.5 that is 1/2 of the range's middle.
  // 1, 2, 3, 4 steps from 1 - 1/2 leave 2^-2, 2^-4, 2^-8, 2^-16.
  for (int k = 1; k <= 4; ++k)
    CHECK(weights_of(*power("mean", 0.5, k, 5.5), {1}).at(0) ==
          Approx((1 - std::pow(0.5, std::pow(2, k))) / 1.5).epsilon(1e-14));
  const Tensor exact = weights_of(*power("mean", 1e-2), kRow);
  double before = 1;
  for (int k = 8; k <= 24; k += 4) {
    const double error =
        (weights_of(*power("mean", 1e-2, k), kRow).vec<double>() - exact.vec<double>()).abs().maxCoeff();
    CHECK(error <= before);
    before = error;
  }
  CHECK(before < 1e-14);
}

TEST_CASE("power softmax refuses odd powers and steps without a form", "[attention][errors]") {
  PowerOptions options;
  options.power = 3;
  options.reciprocal_steps = 2;
  REQUIRE(options.problems().size() == 2);
  CHECK(options.problems()[0].message == "3 came; an even number was wanted");
  CHECK(options.problems()[1].message == "only the form `mean` has a polynomial reciprocal; set form: mean, or 0");
}

TEST_CASE("rows of power softmax lack what eps takes", "[attention][sheets]") {
  // (16 + 1 + 1) / 16 over itself plus eps.
  CHECK(weights_of(*power("stable", 1e-3), kRow).vec<double>().sum() == Approx(1.125 / 1.126).epsilon(1e-9));
  CHECK(weights_of(*power("plain", 0), kRow).vec<double>().sum() == Approx(1).epsilon(1e-14));
  CHECK(std::abs(weights_of(*power("plain", 0), {3, 2, 1, 0}).at(0) - 16 / 18.) > 0.05);  // a shift matters
}
