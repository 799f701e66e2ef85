// Accuracy of the elementary functions in ulp, their values at the edges, and that a value does not depend on where its
// element sits.
#include "core/lanes.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <string_view>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/pointwise.h"
#include "core/random.h"

using namespace tempera;

namespace {

using Real = long double;

template <class T>
struct Function {
  std::string_view name;
  Lanes<T> (*ours)(Lanes<T>);
  Real (*truth)(Real);
  double low, high;  // where a dense sweep runs besides the sweep over all bit patterns
};

template <class T>
const std::vector<Function<T>>& functions() {
  using L = Lanes<T>;
  static const std::vector<Function<T>> all{
      {"exp", [](L x) { return exp(x); }, [](Real x) { return std::exp(x); }, -105, 90},
      {"expm1", [](L x) { return expm1(x); }, [](Real x) { return std::expm1(x); }, -3, 3},
      {"log", [](L x) { return log(x); }, [](Real x) { return std::log(x); }, 0.25, 4},
      {"log1p", [](L x) { return log1p(x); }, [](Real x) { return std::log1p(x); }, -1, 3},
      {"tanh", [](L x) { return tanh(x); }, [](Real x) { return std::tanh(x); }, -3, 20},
      {"erf", [](L x) { return erf(x); }, [](Real x) { return std::erf(x); }, -2, 7},
      {"sigmoid", [](L x) { return sigmoid(x); }, [](Real x) { return 1 / (1 + std::exp(-x)); }, -105, 20},
      {"softplus", [](L x) { return softplus(x); },
       [](Real x) { return std::fmax(x, Real(0)) + std::log1p(std::exp(-std::fabs(x))); }, -105, 20},
      {"sqrt", [](L x) { return sqrt(x); }, [](Real x) { return std::sqrt(x); }, 0, 4},
      {"rsqrt", [](L x) { return rsqrt(x); }, [](Real x) { return 1 / std::sqrt(x); }, 0, 4},
      {"sin", [](L x) { return sin(x); }, [](Real x) { return std::sin(x); }, -20, 20},
      {"cos", [](L x) { return cos(x); }, [](Real x) { return std::cos(x); }, -20, 20},
  };
  return all;
}

// |got - truth| in units of the last place of T at the truth; infinite where NaN, infinity or sign do not match.
template <class T>
double ulps(T got, Real truth) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(truth) || std::isnan(got)) return std::isnan(truth) && std::isnan(got) ? 0 : INFINITY;
  const T rounded = static_cast<T>(truth);
  if (got == rounded) return 0;
  // The number behind the largest, 2^emax, is where infinity stands.
  const Real top = std::ldexp(Real(1), Limits::max_exponent);
  const Real a = std::isinf(got) ? std::copysign(top, Real(got)) : Real(got);
  const Real b = std::isinf(rounded) ? std::copysign(top, truth) : truth;
  const int exponent = std::max(std::ilogb(std::fabs(b) == top ? top / 2 : b), Limits::min_exponent - 1);
  return static_cast<double>(std::fabs(a - b) / std::ldexp(Real(1), exponent - Limits::digits + 1));
}

// One value in all lanes but through memory, so that nothing is folded at compile time.
template <class T>
T one(const Function<T>& f, T x) {
  T out[lane_width<T>];
  f.ours(Lanes<T>(x)).store(out);
  return out[0];
}

// Every number near zero, one and the ends, some of every binade, and a dense sweep.
template <class T>
std::vector<T> arguments(const Function<T>& f) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  std::vector<T> x;
  const Rng rng(11, f.name);
  constexpr int kRandom = 1 << 17, kDense = 1 << 17, kNear = 40;
  for (int i = 0; i < kRandom; ++i)
    x.push_back(std::bit_cast<T>(static_cast<Bits>(rng.bits(static_cast<std::uint64_t>(i)))));
  for (int i = 0; i <= kDense; ++i) x.push_back(static_cast<T>(f.low + (f.high - f.low) * i / kDense));
  // Binades around one, where things happen.
  for (int i = 0; i < kDense; ++i) {
    const auto at = static_cast<std::uint64_t>(i + kRandom);
    x.push_back(
        static_cast<T>(std::ldexp(rng.uniform(2 * at, -1, 1), static_cast<int>(rng.below(2 * at + 1, 24)) - 12)));
  }
  for (double center :
       {0.0, 0.5, 1.0, -1.0, 0.625, 88.72283905206835, -103.97207708, -87.33654475, 709.782712893384,
        -745.1332191019411, -708.3964185322641, 1.0e308, 3.4e38, 1.5707963267948966, 3.141592653589793}) {
    T up = static_cast<T>(center), down = up;
    for (int i = 0; i < kNear; ++i, up = std::nextafter(up, T(INFINITY)), down = std::nextafter(down, T(-INFINITY)))
      x.push_back(up), x.push_back(down);
  }
  for (T value :
       {T(INFINITY), T(-INFINITY), T(NAN), T(-0.0), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(),
        std::numeric_limits<T>::min(), std::numeric_limits<T>::denorm_min()})
    x.push_back(value);
  while (x.size() % lane_width<T> != 0) x.push_back(1);
  return x;
}

template <class T>
void check_accuracy(double bound) {
  std::string table;
  for (const Function<T>& f : functions<T>()) {
    const std::vector<T> x = arguments(f);
    std::vector<T> y(x.size());
    for (std::size_t i = 0; i < x.size(); i += lane_width<T>) f.ours(Lanes<T>::load(x.data() + i)).store(y.data() + i);
    double worst = 0;
    T where = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], f.truth(x[i]));
      if (error > worst) worst = error, where = x[i];
    }
    table += fmt::format("\n   {:<10}{:>8.2f} ulp at {:.17g}", f.name, worst, where);
    INFO(f.name << " at " << fmt::format("{:.17g}: {:.17g}", where, one(f, where)));
    CHECK(worst <= bound);
  }
  WARN((sizeof(T) == 4 ? "float32" : "float64") << ", worst error" << table);
}

}  // namespace

TEST_CASE("elementary functions on lanes are within 4 ulp, float32", "[lanes]") {
  check_accuracy<float>(4);
}
TEST_CASE("elementary functions on lanes are within 4 ulp, float64", "[lanes]") {
  check_accuracy<double>(4);
}

namespace {

template <class T>
void check_pow(double bound) {
  std::vector<T> x, y;
  const Rng rng(12, "pow");
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const bool wide = i % 2 == 0;
    x.push_back(
        static_cast<T>(wide ? std::ldexp(rng.uniform(3 * i, 1, 2), static_cast<int>(rng.below(3 * i + 1, 200)) - 100)
                            : rng.uniform(3 * i, 0, 4)));
    y.push_back(static_cast<T>(rng.uniform(3 * i + 2, wide ? -1 : -20, wide ? 1 : 20)));
  }
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (T a : {T(-2), T(-1), T(-0.0), T(0), T(0.5), T(1), T(2), infinity, -infinity, nan})
    for (T b : {T(-3), T(-2), T(-0.5), T(-0.0), T(0), T(0.5), T(2), T(3), infinity, -infinity, nan})
      x.push_back(a), y.push_back(b);
  while (x.size() % lane_width<T> != 0) x.push_back(1), y.push_back(1);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); i += lane_width<T>) {
    T out[lane_width<T>];
    pow(Lanes<T>::load(x.data() + i), Lanes<T>::load(y.data() + i)).store(out);
    for (std::size_t k = 0; k < lane_width<T>; ++k) {
      const Real truth = std::pow(Real(x[i + k]), Real(y[i + k]));
      INFO(x[i + k] << " to the power of " << y[i + k] << ": " << out[k]);
      const double error = ulps(out[k], truth);
      if (error > bound) CHECK(error <= bound);
      worst = std::max(worst, error);
    }
  }
  CHECK(worst <= bound);
}

template <class T>
void check_edges() {
  using Limits = std::numeric_limits<T>;
  const T infinity = Limits::infinity(), nan = Limits::quiet_NaN(), tiny = Limits::denorm_min();
  const auto at = [](std::string_view name, T x) {
    for (const Function<T>& f : functions<T>())
      if (f.name == name) return one(f, x);
    return T(12345);
  };
  // Equal, sign of zero and NaN included.
  const auto is = [](T got, T wanted) {
    return std::isnan(wanted) ? std::isnan(got) : got == wanted && std::signbit(got) == std::signbit(wanted);
  };
  for (const Function<T>& f : functions<T>()) {
    INFO(f.name);
    CHECK(std::isnan(one(f, nan)));
  }
  for (std::string_view odd : {"expm1", "log1p", "tanh", "erf", "sin", "sqrt"}) {
    INFO(odd);
    CHECK(is(at(odd, T(-0.0)), T(-0.0)));
    CHECK(is(at(odd, T(0.0)), T(0.0)));
    if (odd != "sqrt" && odd != "erf") CHECK(is(at(odd, tiny), tiny));
  }
  CHECK(is(at("exp", -infinity), 0));
  CHECK(is(at("exp", infinity), infinity));
  CHECK(is(at("exp", T(-1e4)), 0));
  CHECK(is(at("exp", T(1e4)), infinity));
  CHECK(is(at("exp", 0), 1));
  CHECK(is(at("expm1", -infinity), -1));
  CHECK(is(at("expm1", infinity), infinity));
  CHECK(is(at("log", 0), -infinity));
  CHECK(is(at("log", T(-0.0)), -infinity));
  CHECK(is(at("log", -1), nan));
  CHECK(is(at("log", infinity), infinity));
  CHECK(is(at("log", 1), 0));
  CHECK(is(at("log1p", -1), -infinity));
  CHECK(is(at("log1p", -2), nan));
  CHECK(is(at("log1p", infinity), infinity));
  CHECK(is(at("tanh", infinity), 1));
  CHECK(is(at("tanh", -infinity), -1));
  CHECK(is(at("erf", infinity), 1));
  CHECK(is(at("erf", -infinity), -1));
  CHECK(is(at("sigmoid", -infinity), 0));
  CHECK(is(at("sigmoid", infinity), 1));
  CHECK(is(at("sigmoid", 0), T(0.5)));
  CHECK(is(at("softplus", -infinity), 0));
  CHECK(is(at("softplus", infinity), infinity));
  CHECK(is(at("softplus", T(1e4)), T(1e4)));
  CHECK(is(at("sqrt", -1), nan));
  CHECK(is(at("sqrt", infinity), infinity));
  CHECK(is(at("rsqrt", 0), infinity));
  CHECK(is(at("rsqrt", infinity), 0));
  CHECK(is(at("sin", infinity), nan));
  CHECK(is(at("cos", infinity), nan));
  CHECK(is(at("cos", T(-0.0)), 1));

  // Comparisons: a NaN comes through from either side.
  using L = Lanes<T>;
  const auto first = [](L x) {
    T out[lane_width<T>];
    x.store(out);
    return out[0];
  };
  const L a(1), b(2), n(nan);
  CHECK(is(first(min(a, b)), 1));
  CHECK(is(first(max(a, b)), 2));
  CHECK(is(first(min(a, n)), nan));
  CHECK(is(first(min(n, a)), nan));
  CHECK(is(first(max(a, n)), nan));
  CHECK(is(first(max(n, a)), nan));
  CHECK(is(first(clamp(b, L(-1), a)), 1));
  CHECK(is(first(clamp(-b, L(-1), a)), -1));
  CHECK(is(first(clamp(n, L(-1), a)), nan));
  CHECK(is(first(abs(L(T(-0.0)))), 0));
  CHECK(is(first(abs(L(-infinity))), infinity));
  CHECK(is(first(where(a < b && b != a, a, b)), 1));
  CHECK(is(first(where(a > b || !(a <= b), a, b)), 2));
  CHECK(is(first(where(n == n, a, b)), 2));
}

// The tree of lane_sum as it is defined: each time the upper half is added to the lower.
template <class T>
T sum_by_halves(const T* x) {
  std::vector<T> t(x, x + lane_width<T>);
  for (std::size_t half = t.size() / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) t[i] += t[i + half];
  return t[0];
}

// Sum and maximum over lanes that hold 1, 2, 3, ..., and the bits of the sum of random numbers.
template <class T>
void check_lane_reductions() {
  T x[lane_width<T>];
  for (Index i = 0; i < lane_width<T>; ++i) x[i] = static_cast<T>(i + 1);
  CHECK(lane_sum(Lanes<T>::load(x)) == lane_width<T> * (lane_width<T> + 1) / 2);
  for (Index i = 0; i < lane_width<T>; ++i) {
    std::swap(x[i], x[lane_width<T> - 1]);
    CHECK(lane_max(Lanes<T>::load(x)) == lane_width<T>);
    std::swap(x[i], x[lane_width<T> - 1]);
    const T kept = std::exchange(x[i], std::numeric_limits<T>::quiet_NaN());
    CHECK(std::isnan(lane_max(Lanes<T>::load(x))));
    x[i] = kept;
  }
  Tensor random = Tensor::empty({100, lane_width<T>}, dtype_of<T>());
  Rng(1, "lanes").fill_normal(random, 0, 1);
  Index differ = 0;
  for (Index i = 0; i < random.size(); i += lane_width<T>) {
    const T* const row = std::as_const(random).template data<T>() + i;
    differ += lane_sum(Lanes<T>::load(row)) != sum_by_halves(row);
  }
  CHECK(differ == 0);
  Lanes<T> rows[lane_width<T>];
  for (Index r = 0; r < lane_width<T>; ++r)
    rows[r] = Lanes<T>::load(std::as_const(random).template data<T>() + r * lane_width<T>);
  Lanes<T>::lane_sums(rows).store(x);
  for (Index r = 0; r < lane_width<T>; ++r) CHECK(x[r] == lane_sum(rows[r]));
}

template <class T>
void check_first_lanes() {
  T x[lane_width<T>], y[lane_width<T>];
  for (Index i = 0; i < lane_width<T>; ++i) x[i] = static_cast<T>(i + 1);
  for (Index count = 0; count <= lane_width<T>; ++count) {
    Lanes<T>::load(x).first(count, T(-7)).store(y);
    for (Index i = 0; i < lane_width<T>; ++i) CHECK(y[i] == (i < count ? x[i] : T(-7)));
  }
}

// The value of an element, by bits, is that of the same number anywhere in a tensor of any length.
template <class T>
void check_position() {
  constexpr Index kLength = 4 * lane_width<T> + 3;
  using Unary = Var (*)(const Var&);
  for (Unary f : {Unary(exp), Unary(expm1), Unary(log), Unary(log1p), Unary(tanh), Unary(erf), Unary(sigmoid),
                  Unary(softplus), Unary(sqrt), Unary(rsqrt), Unary(sin), Unary(cos), Unary(gelu), Unary(silu)})
    for (double value : {0.3, 1.1, 1.9, 17.25, 300.7}) {
      Tape tape;
      const auto run = [&](Index length, Index position) {
        Tensor x = Tensor::empty({length}, dtype_of<T>());
        Rng(static_cast<std::uint64_t>(length), "neighbours").fill_uniform(x, 0.01, 1e5);
        x.set(position, value);
        const Var leaf = tape.leaf(x);
        const Var y = f(leaf);
        tape.backward(y, Tensor::full({length}, dtype_of<T>(), 1));
        return std::pair{y.value().at(position), tape.grad(leaf).at(position)};
      };
      const auto wanted = run(1, 0);
      int differ = 0;
      for (Index length : {kLength, 2 * lane_width<T>, lane_width<T> - 1})
        for (Index position = 0; position < length; ++position) differ += run(length, position) != wanted;
      CHECK(differ == 0);
    }
}

}  // namespace

TEST_CASE("pow on lanes is within 4 ulp", "[lanes]") {
  check_pow<float>(4);
  check_pow<double>(4);
}

TEST_CASE("elementary functions on lanes at the edges", "[lanes]") {
  check_edges<float>();
  check_edges<double>();
}

TEST_CASE("sum and maximum over lanes", "[lanes]") {
  check_lane_reductions<float>();
  check_lane_reductions<double>();
}

TEST_CASE("the first lanes, and what fills the others", "[lanes]") {
  check_first_lanes<float>();
  check_first_lanes<double>();
}

TEST_CASE("the value of an element does not depend on where it sits", "[lanes]") {
  check_position<float>();
  check_position<double>();
}

TEMPLATE_TEST_CASE("exp in parts puts together to exp, and reaches far beyond it", "[lanes]", float, double) {
  using T = TestType;
  using L = Lanes<T>;
  const Rng rng(3, "parts");
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const T x = static_cast<T>(rng.uniform(i, -80, 80));
    const auto [mantissa, exponent] = exp_parts(L(x));
    CHECK(ldexp(mantissa, exponent).v[0] == exp(L(x)).v[0]);
    CHECK((mantissa.v[0] >= T(0.70710) && mantissa.v[0] <= T(1.41422)));
  }
  const double log2e = 1.44269504088896340736;
  for (const double reach : {1e4, static_cast<double>(L::kExpReach)})
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const T x = static_cast<T>(rng.uniform(i, -reach, reach));
      const auto [mantissa, exponent] = exp_parts(L(x));
      const T n = exponent.v[0];
      CHECK(n == std::nearbyint(n));
      // log2 of the whole, of which only the fraction is in the mantissa
      const Real whole = static_cast<Real>(n) + std::log2(static_cast<Real>(mantissa.v[0]));
      CHECK(static_cast<double>(std::fabs(whole - static_cast<Real>(x) * static_cast<Real>(log2e))) <
            reach * 4e-11 + 4 * std::numeric_limits<T>::epsilon());
    }
}

TEMPLATE_TEST_CASE("powers of two are applied exactly, through the denormals and to both ends", "[lanes]", float,
                   double) {
  using T = TestType;
  constexpr int most = std::numeric_limits<T>::max_exponent;
  for (const T x : {T(1), T(-1.3), T(0.75), T(0), std::numeric_limits<T>::infinity()})
    for (int n = -3 * most / 2; n < 3 * most / 2; ++n) CHECK(ldexp(Lanes<T>(x), Lanes<T>(n)).v[0] == std::ldexp(x, n));
}
