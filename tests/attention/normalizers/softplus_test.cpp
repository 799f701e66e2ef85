#include "attention/normalizers/softplus.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> softplus_of(const char* reweight, int power, Index width = 64) {
  SoftplusOptions options;
  options.reweight = reweight;
  options.power = power;
  return made(options, 1, width);
}

const std::vector<double> kCosines{1, 0.6, 0, -1};

}  // namespace

TEST_CASE("length-scaled softplus, plain and sharpened", "[attention][sheets]") {
  check_close(weights_of(*softplus_of("never", 1), kCosines), f64({4}, {0.579460, 0.350598, 0.069628, 0.000314}), 1e-6);
  check_close(weights_of(*softplus_of("always", 1), kCosines), f64({4}, {0.766082, 0.233918, 0, 0}), 1e-6);
  check_close(weights_of(*softplus_of("always", 3), kCosines), f64({4}, {0.972320, 0.027680, 0, 0}), 1e-6);
  check_close(weights_of(*softplus_of("always", 15), kCosines), f64({4}, {1, 2e-8, 0, 0}), 1e-7);
}

TEST_CASE("re-weighting in evaluation only, and of short rows", "[attention][sheets]") {
  const auto later = softplus_of("evaluation", 3);
  check_close(weights_of(*later, kCosines, true), weights_of(*softplus_of("never", 3), kCosines));
  check_close(weights_of(*later, kCosines, false), weights_of(*softplus_of("always", 3), kCosines));
  // Rows of up to three keys keep all of them: A^p over its sum.
  const Tensor plain = weights_of(*softplus_of("never", 3), {1, 0.6, 0});
  Tensor cubes = plain.clone();
  cubes.vec<double>() = cubes.vec<double>().cube() / plain.vec<double>().cube().sum();
  check_close(weights_of(*softplus_of("always", 3), {1, 0.6, 0}), cubes);
  // Equal weights have none above the average.
  check_close(weights_of(*softplus_of("always", 15), {0.3, 0.3, 0.3, 0.3}), f64({4}, {0.25, 0.25, 0.25, 0.25}));
  check_close(weights_of(*softplus_of("always", 15), {-0.4}), f64({1}, {1}));
}

TEST_CASE("high powers of long rows stay within float32", "[attention][sheets]") {
  std::vector<double> row(5000, -0.2);
  row[7] = 0.9;
  row[11] = 0.89;
  const Tensor w = weights_of(*softplus_of("always", 15), row, false, DType::float32);
  const Tensor exact = weights_of(*softplus_of("always", 15), row);
  CHECK(w.vec<float>().sum() == Approx(1).epsilon(1e-6));
  CHECK(w.at(7) == Approx(exact.at(7)).epsilon(1e-4));
  CHECK(w.at(11) == Approx(exact.at(11)).epsilon(1e-4));
}

TEST_CASE("a high power leaves the largest weight alone", "[attention][sheets]") {
  check_close(weights_of(*softplus_of("always", 400), kCosines), f64({4}, {1, 0, 0, 0}), 1e-12);
}
