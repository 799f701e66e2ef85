#include "train/claims/paired_test.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/error.h"

namespace tempera {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostFlipped = 20;

// The continued fraction of I_x(a, b) by Lentz's method (Press et al., Numerical Recipes, 6.4).
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      fraction *= c * d;
    }
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

// The regularised incomplete beta function.
double beta_share(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on this side; the other follows by symmetry.
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// Mean and standard deviation of a sample; nan for what too few values have.
struct Moments {
  double mean = 0, spread = kNan;
};

Moments moments_of(std::span<const double> values) {
  Moments moments;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) moments.mean += value / n;
  if (values.size() < 2) return moments;
  double squares = 0;
  for (const double value : values) squares += (value - moments.mean) * (value - moments.mean);
  moments.spread = std::sqrt(squares / (n - 1));
  return moments;
}

double flips(std::span<const double> differences) {
  if (differences.empty() || differences.size() > kMostFlipped) return kNan;
  double seen = 0, size = 0;
  for (const double d : differences) seen += d, size += std::abs(d);
  const double rounding = 1e-12 * size;
  const std::uint32_t all = std::uint32_t{1} << differences.size();
  std::uint32_t as_high = 0;
  for (std::uint32_t signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < differences.size(); ++i)
      sum += (signs >> i & 1U) != 0 ? -differences[i] : differences[i];
    as_high += sum >= seen - rounding;
  }
  return static_cast<double>(as_high) / all;
}

}  // namespace

double student_t_tail(double t, int degrees) {
  require(degrees >= 1, "student_t", "{} degrees of freedom; at least 1 is needed, two values", degrees);
  const double n = degrees;
  const double both = std::isinf(t) ? 0 : beta_share(n / 2, 0.5, n / (n + t * t));
  return t >= 0 ? both / 2 : 1 - both / 2;
}

int differences_to_settle(std::span<const double> differences, double p) {
  constexpr int kMost = 1000;
  const Moments moments = moments_of(differences);
  if (!(moments.spread > 0) || moments.mean == 0) return 0;
  for (int n = 2; n <= kMost; ++n)
    if (student_t_tail(std::abs(moments.mean) * std::sqrt(n) / moments.spread, n - 1) <= p) return n;
  return 0;
}

PairedTest paired_test(std::span<const double> differences) {
  const Moments moments = moments_of(differences);
  PairedTest test{moments.mean, kNan, flips(differences)};
  if (differences.size() < 2) return test;
  const double error = moments.spread / std::sqrt(static_cast<double>(differences.size()));
  if (error <= 1e-14 * std::abs(test.mean)) test.p_t = test.mean > 0 ? 0 : 1;
  else test.p_t = student_t_tail(test.mean / error, static_cast<int>(differences.size()) - 1);
  return test;
}

}  // namespace tempera
