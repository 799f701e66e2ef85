#include "attention/normalizers/entmax.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> entmax(double alpha) {
  return variant<EntmaxOptions>(1, [&](auto& o) { o.alpha = alpha; });
}

// By the sheet: 200 halvings between the bounds of the threshold, in long double.
std::vector<double> by_bisection(const std::vector<double>& s, double alpha) {
  long double top = -1e300L;
  for (const double x : s) top = std::max(top, static_cast<long double>(x) * (alpha - 1));
  const auto power = [&](long double u) { return u > 0 ? std::pow(u, 1 / (static_cast<long double>(alpha) - 1)) : 0; };
  long double low = top - 1, high = top;
  for (int i = 0; i < 200; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (const double x : s) sum += power(x * (static_cast<long double>(alpha) - 1) - middle);
    (sum >= 1 ? low : high) = middle;
  }
  std::vector<double> w;
  for (const double x : s) w.push_back(static_cast<double>(power(x * (static_cast<long double>(alpha) - 1) - low)));
  return w;
}

// By sorting (Martins & Astudillo 2016, algorithm 1).
std::vector<double> by_sorting(const std::vector<double>& s) {
  std::vector<double> z = s;
  std::sort(z.begin(), z.end(), std::greater<>());
  double sum = 0, tau = 0;
  for (std::size_t k = 0; k < z.size(); ++k) {
    sum += z[k];
    if (1 + static_cast<double>(k + 1) * z[k] > sum) tau = (sum - 1) / static_cast<double>(k + 1);
  }
  std::vector<double> w;
  for (const double x : s) w.push_back(std::max(x - tau, 0.));
  return w;
}

std::vector<double> scores(Index n, std::uint64_t seed, double range) {
  return random_tensor({n}, seed, -range, range).to_vector();
}

void check_row(const Tensor& got, const std::vector<double>& wanted, double tolerance) {
  for (Index i = 0; i < got.size(); ++i) CHECK(std::abs(got.at(i) - wanted[static_cast<std::size_t>(i)]) < tolerance);
}

}  // namespace

TEST_CASE("entmax of a row", "[attention][sheets]") {
  const std::vector<double> z{1.0, 0.8, 0.1, -0.5};
  check_close(weights_of(*made(SparsemaxOptions()), z), f64({4}, {0.6, 0.4, 0, 0}));
  check_close(weights_of(*entmax(1.5), z), f64({4}, {0.529248, 0.393749, 0.077003, 0}), 1e-6);
  check_close(weights_of(*entmax(1.25), z), f64({4}, {0.465520, 0.362632, 0.130474, 0.041375}), 1e-6);
  check_close(weights_of(*entmax(1.01), z), weights_of(Softmax(), z), 5e-3);
}

TEST_CASE("entmax finds its threshold at any size", "[attention]") {
  for (const Index n : {1, 2, 7, 19, 300})
    for (const double range : {0.01, 1., 30.}) {
      const auto s = scores(n, static_cast<std::uint64_t>(n), range);
      INFO(n << " scores within " << range);
      check_row(weights_of(*entmax(2), s), by_sorting(s), 1e-13);
      for (const double alpha : {1.05, 1.25, 1.5, 1.8, 3., 6.})
        check_row(weights_of(*entmax(alpha), s), by_bisection(s, alpha), 1e-10);
    }
}

TEST_CASE("sparsemax of a point of the simplex, of a peak, of ties", "[attention][sheets]") {
  const auto sparsemax = made(SparsemaxOptions());
  check_close(weights_of(*sparsemax, {0.2, 0.5, 0.3}), f64({3}, {0.2, 0.5, 0.3}));
  check_close(weights_of(*sparsemax, {3, 1.9, 0}), f64({3}, {1, 0, 0}));
  check_close(weights_of(*sparsemax, {2, 1, 1}), f64({3}, {1, 0, 0}));
  check_close(weights_of(*sparsemax, {1e30, 1e30}), f64({2}, {0.5, 0.5}));
  check_close(weights_of(*sparsemax, {1, -kInf}), f64({2}, {1, 0}));
}

TEST_CASE("a learned alpha has the gradient of the sheet", "[attention][sheets]") {
  const auto learned = variant<EntmaxOptions>(1, [](auto& o) { o.learned = true; });
  Tensor dw = Tensor::zeros({1, 1, 1, 4}, DType::float64);
  dw.set(0, 1);
  const Played played = play(
      [&](std::span<const Var> x) {
        ScoreAttention how;
        how.normalizer = learned.get();
        how.normalizer_parameters[0] = x[1];
        return attention_weights(x[0], how);
      },
      {f64({1, 1, 1, 4}, {1.0, 0.8, 0.1, -0.5}), f64({1}, {0})}, dw);
  // d alpha / d a = 1/4 at a = 0
  CHECK(played.dx[1].at(0) == Approx(0.204767 / 4).epsilon(1e-5));
  CHECK(learned->entries()[0].parameter.init.a == Approx(0).margin(1e-15));
}

TEST_CASE("entmax refuses an alpha that it cannot learn from", "[attention][errors]") {
  EntmaxOptions options;
  options.alpha = 2;
  options.learned = true;
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].message == "2 came; a learned alpha starts below 2");
}
