// The derivative of every function on dual numbers against its closed form, and at its kinks.
#include "core/dual.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string_view>
#include <vector>

using namespace tempera;

namespace {

template <class T>
T first(Lanes<T> x) {
  T out[lane_width<T>];
  x.store(out);
  for (Index i = 1; i < lane_width<T>; ++i) CHECK((out[i] == out[0] || (std::isnan(out[i]) && std::isnan(out[0]))));
  return out[0];
}

template <class T>
struct Rule {
  std::string_view name;
  std::function<Dual<T, 2>(Dual<T, 2>)> f;
  std::function<double(double)> value, slope;
  std::vector<double> at;
};

constexpr double kTwoOverSqrtPi = 2 * std::numbers::inv_sqrtpi;

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
std::vector<Rule<T>> rules() {
  using D = Dual<T, 2>;
  const std::vector<double> all{-2.5, -1, -0.25, 0, 0.25, 1, 2.5}, positive{0.125, 0.75, 1, 3.5, 100};
  return {
      {"-x", [](D x) { return -x; }, [](double x) { return -x; }, [](double) { return -1; }, all},
      {"x + 3", [](D x) { return x + 3; }, [](double x) { return x + 3; }, [](double) { return 1; }, all},
      {"3 + x", [](D x) { return 3 + x; }, [](double x) { return x + 3; }, [](double) { return 1; }, all},
      {"x - 3", [](D x) { return x - 3; }, [](double x) { return x - 3; }, [](double) { return 1; }, all},
      {"3 - x", [](D x) { return 3 - x; }, [](double x) { return 3 - x; }, [](double) { return -1; }, all},
      {"3 x", [](D x) { return 3 * x; }, [](double x) { return 3 * x; }, [](double) { return 3; }, all},
      {"x 3", [](D x) { return x * 3; }, [](double x) { return 3 * x; }, [](double) { return 3; }, all},
      {"x / 4", [](D x) { return x / 4; }, [](double x) { return x / 4; }, [](double) { return 0.25; }, all},
      {"3 / x", [](D x) { return 3 / x; }, [](double x) { return 3 / x; }, [](double x) { return -3 / (x * x); },
       positive},
      {"x x", [](D x) { return x * x; }, [](double x) { return x * x; }, [](double x) { return 2 * x; }, all},
      {"x / (x + 4)", [](D x) { return x / (x + 4); }, [](double x) { return x / (x + 4); },
       [](double x) { return 4 / ((x + 4) * (x + 4)); }, all},
      {"x - x / 2", [](D x) { return x - x / 2; }, [](double x) { return x / 2; }, [](double) { return 0.5; }, all},
      {"square", [](D x) { return square(x); }, [](double x) { return x * x; }, [](double x) { return 2 * x; }, all},
      {"sqrt", [](D x) { return sqrt(x); }, [](double x) { return std::sqrt(x); },
       [](double x) { return 0.5 / std::sqrt(x); }, positive},
      {"rsqrt", [](D x) { return rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); },
       [](double x) { return -0.5 / (x * std::sqrt(x)); }, positive},
      {"exp", [](D x) { return exp(x); }, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); },
       all},
      {"expm1", [](D x) { return expm1(x); }, [](double x) { return std::expm1(x); },
       [](double x) { return std::exp(x); }, all},
      {"log", [](D x) { return log(x); }, [](double x) { return std::log(x); }, [](double x) { return 1 / x; },
       positive},
      {"log1p", [](D x) { return log1p(x); }, [](double x) { return std::log1p(x); },
       [](double x) { return 1 / (1 + x); }, positive},
      {"tanh", [](D x) { return tanh(x); }, [](double x) { return std::tanh(x); },
       [](double x) { return 1 / (std::cosh(x) * std::cosh(x)); }, all},
      {"erf", [](D x) { return erf(x); }, [](double x) { return std::erf(x); },
       [](double x) { return kTwoOverSqrtPi * std::exp(-x * x); }, all},
      {"sigmoid", [](D x) { return sigmoid(x); }, logistic, [](double x) { return logistic(x) * logistic(-x); }, all},
      {"softplus", [](D x) { return softplus(x); }, [](double x) { return std::log1p(std::exp(x)); }, logistic, all},
      {"sin", [](D x) { return sin(x); }, [](double x) { return std::sin(x); }, [](double x) { return std::cos(x); },
       all},
      {"cos", [](D x) { return cos(x); }, [](double x) { return std::cos(x); }, [](double x) { return -std::sin(x); },
       all},
      {"pow(x, 2.5)", [](D x) { return pow(x, 2.5); }, [](double x) { return std::pow(x, 2.5); },
       [](double x) { return 2.5 * std::pow(x, 1.5); }, positive},
      {"pow(x, 3)", [](D x) { return pow(x, 3); }, [](double x) { return x * x * x; },
       [](double x) { return 3 * x * x; }, all},
      {"pow(x, 1)", [](D x) { return pow(x, 1); }, [](double x) { return x; }, [](double) { return 1; }, all},
      {"pow(x, 0)", [](D x) { return pow(x, 0); }, [](double) { return 1; }, [](double) { return 0; }, all},
      {"pow(2, x)", [](D x) { return pow(D(2), x); }, [](double x) { return std::exp2(x); },
       [](double x) { return std::numbers::ln2 * std::exp2(x); }, all},
      {"pow(x, x)",
       [](D x) { return pow(x, x); },
       [](double x) { return std::pow(x, x); },
       [](double x) { return std::pow(x, x) * (1 + std::log(x)); },
       {0.125, 0.75, 1, 3.5}},
      {"detach", [](D x) { return detach(x) * x; }, [](double x) { return x * x; }, [](double x) { return x; }, all},
  };
}

template <class T>
void check_rules() {
  for (const Rule<T>& rule : rules<T>())
    for (double at : rule.at) {
      INFO(rule.name << " at " << at);
      Dual<T, 2> x{Lanes<T>(at)};
      x.d = {Lanes<T>(1), Lanes<T>(-3)};  // the chain rule: both derivatives carry the slope as a factor
      const Dual<T, 2> y = rule.f(x);
      const double bound = 8 * std::numeric_limits<T>::epsilon();
      const double value = rule.value(at), slope = rule.slope(at);
      CHECK(std::abs(first(y.v) - value) <= bound * std::max(1.0, std::abs(value)));
      CHECK(std::abs(first(y.d[0]) - slope) <= bound * std::max(1.0, std::abs(slope)));
      CHECK(std::abs(first(y.d[1]) + 3 * slope) <= 3 * bound * std::max(1.0, std::abs(slope)));
    }
}

// Value and both derivatives of f(a, b).
template <class T, class F>
std::array<T, 3> at(F f, double a, double b) {
  using D = Dual<T, 2>;
  const D y = f(D::input(Lanes<T>(a), 0), D::input(Lanes<T>(b), 1));
  return {first(y.v), first(y.d[0]), first(y.d[1])};
}

template <class T>
void check_kinks() {
  using D = Dual<T, 2>;
  using Result = std::array<T, 3>;
  const auto minimum = [](D a, D b) { return min(a, b); };
  CHECK(at<T>(minimum, 1, 2) == Result{1, 1, 0});
  CHECK(at<T>(minimum, 2, 1) == Result{1, 0, 1});
  CHECK(at<T>(minimum, 2, 2) == Result{2, T(0.5), T(0.5)});
  CHECK(at<T>(minimum, -0.0, 0.0) == Result{0, T(0.5), T(0.5)});
  const auto maximum = [](D a, D b) { return max(a, b); };
  CHECK(at<T>(maximum, 1, 2) == Result{2, 0, 1});
  CHECK(at<T>(maximum, 2, 1) == Result{2, 1, 0});
  CHECK(at<T>(maximum, 2, 2) == Result{2, T(0.5), T(0.5)});
  const auto absolute = [](D a, D) { return abs(a); };
  CHECK(at<T>(absolute, -2, 0) == Result{2, -1, 0});
  CHECK(at<T>(absolute, 0, 0) == Result{0, 0, 0});
  CHECK(at<T>(absolute, 2, 0) == Result{2, 1, 0});
  const auto bounded = [](D a, D) { return clamp(a, D(-1), D(2)); };
  CHECK(at<T>(bounded, -1.5, 0) == Result{-1, 0, 0});
  CHECK(at<T>(bounded, -1, 0) == Result{-1, 1, 0});
  CHECK(at<T>(bounded, 0.5, 0) == Result{T(0.5), 1, 0});
  CHECK(at<T>(bounded, 2, 0) == Result{2, 1, 0});
  CHECK(at<T>(bounded, 2.5, 0) == Result{2, 0, 0});
  const auto moving = [](D a, D b) { return clamp(a, -b, b); };  // beyond a bound the bound's derivative
  CHECK(at<T>(moving, 3, 2) == Result{2, 0, 1});
  CHECK(at<T>(moving, -3, 2) == Result{-2, 0, -1});
  const auto chosen = [](D a, D b) { return where(a < b, 2 * a, 5 * b); };
  CHECK(at<T>(chosen, 1, 2) == Result{2, 2, 0});
  CHECK(at<T>(chosen, 2, 2) == Result{10, 0, 5});
  CHECK(at<T>(chosen, 3, 2) == Result{10, 0, 5});
  const auto relu = [](D a, D) { return where(a > 0, a, D(0)); };
  CHECK(at<T>(relu, 0, 0) == Result{0, 0, 0});

  // The edges that core/dual.h states for pow: at x = 0 the exponent's derivative is 0; y = 0 is a constant.
  const auto power = [](D a, D b) { return pow(a, b); };
  CHECK(at<T>(power, 0, 2) == Result{0, 0, 0});
  CHECK(at<T>(power, 0, 1) == Result{0, 1, 0});
  CHECK(at<T>(power, 0, 0) == Result{1, 0, 0});
  CHECK(at<T>(power, 1, 0) == Result{1, 0, 0});
  CHECK(at<T>(power, -2, 3)[1] == 12);

  // An infinite slope does not spill into inputs that have no part in it.
  const T infinity = std::numeric_limits<T>::infinity();
  CHECK(at<T>([](D a, D b) { return sqrt(a) + b; }, 0, 3) == Result{3, infinity, 1});
  CHECK(at<T>([](D a, D b) { return rsqrt(a) * (1 / b); }, infinity, 2) == Result{0, 0, 0});
  CHECK(at<T>([](D a, D b) { return log(a) + b; }, 0, 3) == Result{-infinity, infinity, 1});
  CHECK(at<T>([](D a, D b) { return log1p(a) + b; }, -1, 3) == Result{-infinity, infinity, 1});
  CHECK(at<T>([](D a, D b) { return a / b; }, 1, 0) == Result{infinity, infinity, -infinity});
  CHECK(at<T>([](D a, D b) { return 1 / a + b; }, 0, 3) == Result{infinity, -infinity, 1});
  CHECK(at<T>([](D a, D b) { return pow(a, 0.5) + b; }, 0, 3) == Result{3, infinity, 1});
  CHECK(at<T>([](D a, D) { return exp(a); }, -1e4, 0) == Result{0, 0, 0});
  for (double x : {-1e4, 1e4}) {
    const T above = x > 0;
    CHECK(at<T>([](D a, D) { return sigmoid(a); }, x, 0) == Result{above, 0, 0});
    CHECK(at<T>([](D a, D) { return softplus(a); }, x, 0) == Result{above * static_cast<T>(x), above, 0});
    CHECK(at<T>([](D a, D) { return tanh(a); }, x, 0) == Result{2 * above - 1, 0, 0});
    CHECK(at<T>([](D a, D) { return erf(a); }, x, 0) == Result{2 * above - 1, 0, 0});
  }
}

}  // namespace

TEST_CASE("derivatives on dual numbers are their closed forms", "[dual]") {
  check_rules<float>();
  check_rules<double>();
}

TEST_CASE("derivatives at kinks and at the ends are those that are stated", "[dual]") {
  check_kinks<float>();
  check_kinks<double>();
}
