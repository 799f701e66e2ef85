// Lanes<T>: 64 bytes of scalars (16 floats or 8 doubles) that compute as one number.
//
// A lambda over `auto` that is written for numbers runs on Lanes as SIMD code. Every element of a tensor is
// computed by the same vector code, tails included, so its value does not depend on where it sits. The
// elementary functions are our own where Eigen's packet math is not exact at the ends (exp(-inf) must be 0) or has
// no vector form; polynomials from the Cephes library (Moshier). Errors in ulp, measured in tests/core/lanes_test.cpp.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "core/shape.h"

#define TEMPERA_INLINE inline __attribute__((always_inline))

namespace tempera {

template <class T>
inline constexpr Index lane_width = 64 / static_cast<Index>(sizeof(T));

namespace detail {
template <class T>
struct LaneTypes;
template <>
struct LaneTypes<float> {
  using Values = float __attribute__((vector_size(64)));
  using Bits = std::int32_t __attribute__((vector_size(64)));
};
template <>
struct LaneTypes<double> {
  using Values = double __attribute__((vector_size(64)));
  using Bits = std::int64_t __attribute__((vector_size(64)));
};

// The first `count` of 64 bytes of scalars. A copy of variable length is a call and a stalled load; a mask is neither.
#ifdef __AVX512F__
TEMPERA_INLINE void load_first(const float* from, Index count, LaneTypes<float>::Values& v) {
  v = LaneTypes<float>::Values(_mm512_mask_loadu_ps(__m512(v), static_cast<__mmask16>((1u << count) - 1), from));
}
TEMPERA_INLINE void load_first(const double* from, Index count, LaneTypes<double>::Values& v) {
  v = LaneTypes<double>::Values(_mm512_mask_loadu_pd(__m512d(v), static_cast<__mmask8>((1u << count) - 1), from));
}
TEMPERA_INLINE void take_first(LaneTypes<float>::Values from, Index count, LaneTypes<float>::Values& v) {
  v = LaneTypes<float>::Values(_mm512_mask_mov_ps(__m512(v), static_cast<__mmask16>((1u << count) - 1), __m512(from)));
}
TEMPERA_INLINE void take_first(LaneTypes<double>::Values from, Index count, LaneTypes<double>::Values& v) {
  v = LaneTypes<double>::Values(
      _mm512_mask_mov_pd(__m512d(v), static_cast<__mmask8>((1u << count) - 1), __m512d(from)));
}
TEMPERA_INLINE void store_first(float* to, Index count, LaneTypes<float>::Values v) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << count) - 1), __m512(v));
}
TEMPERA_INLINE void store_first(double* to, Index count, LaneTypes<double>::Values v) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << count) - 1), __m512d(v));
}
TEMPERA_INLINE LaneTypes<float>::Values multiply_add(LaneTypes<float>::Values a, LaneTypes<float>::Values b,
                                                     LaneTypes<float>::Values c) {
  return LaneTypes<float>::Values(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
}
TEMPERA_INLINE LaneTypes<double>::Values multiply_add(LaneTypes<double>::Values a, LaneTypes<double>::Values b,
                                                      LaneTypes<double>::Values c) {
  return LaneTypes<double>::Values(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
}
TEMPERA_INLINE LaneTypes<float>::Values square_root(LaneTypes<float>::Values a) {
  return LaneTypes<float>::Values(_mm512_maskz_sqrt_ps(0xFFFF, __m512(a)));
}
TEMPERA_INLINE LaneTypes<double>::Values square_root(LaneTypes<double>::Values a) {
  return LaneTypes<double>::Values(_mm512_maskz_sqrt_pd(0xFF, __m512d(a)));
}
// No more, and no less, than a bound that is a number; a NaN comes through.
TEMPERA_INLINE LaneTypes<float>::Values at_most(LaneTypes<float>::Values x, LaneTypes<float>::Values bound) {
  return LaneTypes<float>::Values(_mm512_maskz_min_ps(0xFFFF, __m512(bound), __m512(x)));
}
TEMPERA_INLINE LaneTypes<double>::Values at_most(LaneTypes<double>::Values x, LaneTypes<double>::Values bound) {
  return LaneTypes<double>::Values(_mm512_maskz_min_pd(0xFF, __m512d(bound), __m512d(x)));
}
TEMPERA_INLINE LaneTypes<float>::Values at_least(LaneTypes<float>::Values x, LaneTypes<float>::Values bound) {
  return LaneTypes<float>::Values(_mm512_maskz_max_ps(0xFFFF, __m512(bound), __m512(x)));
}
TEMPERA_INLINE LaneTypes<double>::Values at_least(LaneTypes<double>::Values x, LaneTypes<double>::Values bound) {
  return LaneTypes<double>::Values(_mm512_maskz_max_pd(0xFF, __m512d(bound), __m512d(x)));
}
// a 2^n for whole n, rounded once. (The unmasked forms of these warn of uninitialised values.)
TEMPERA_INLINE LaneTypes<float>::Values times_power_of_two(LaneTypes<float>::Values a, LaneTypes<float>::Values n) {
  return LaneTypes<float>::Values(_mm512_maskz_scalef_ps(0xFFFF, __m512(a), __m512(n)));
}
TEMPERA_INLINE LaneTypes<double>::Values times_power_of_two(LaneTypes<double>::Values a, LaneTypes<double>::Values n) {
  return LaneTypes<double>::Values(_mm512_maskz_scalef_pd(0xFF, __m512d(a), __m512d(n)));
}
// The same, but 0 where x < low, whatever a and n are there; those lanes take no time on denormals.
TEMPERA_INLINE LaneTypes<float>::Values times_power_of_two(LaneTypes<float>::Values a, LaneTypes<float>::Values n,
                                                           LaneTypes<float>::Values x, float low) {
  const __mmask16 stays = _mm512_cmp_ps_mask(__m512(x), _mm512_set1_ps(low), _CMP_NLT_UQ);
  return LaneTypes<float>::Values(_mm512_maskz_scalef_ps(stays, __m512(a), __m512(n)));
}
TEMPERA_INLINE LaneTypes<double>::Values times_power_of_two(LaneTypes<double>::Values a, LaneTypes<double>::Values n,
                                                            LaneTypes<double>::Values x, double low) {
  const __mmask8 stays = _mm512_cmp_pd_mask(__m512d(x), _mm512_set1_pd(low), _CMP_NLT_UQ);
  return LaneTypes<double>::Values(_mm512_maskz_scalef_pd(stays, __m512d(a), __m512d(n)));
}
#else
template <class V>
TEMPERA_INLINE V multiply_add(V a, V b, V c) {
#ifdef __FMA__
  for (std::size_t i = 0; i < sizeof(V) / sizeof(a[0]); ++i) c[i] = std::fma(a[i], b[i], c[i]);
  return c;
#else
  return a * b + c;
#endif
}
template <class V>
TEMPERA_INLINE V square_root(V a) {
  for (std::size_t i = 0; i < sizeof(V) / sizeof(a[0]); ++i) a[i] = std::sqrt(a[i]);
  return a;
}
template <class T>
void load_first(const T* from, Index count, typename LaneTypes<T>::Values& v) {
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
}
template <class V>
void take_first(V from, Index count, V& v) {
  std::memcpy(&v, &from, static_cast<std::size_t>(count) * sizeof(from[0]));
}
template <class T>
void store_first(T* to, Index count, typename LaneTypes<T>::Values v) {
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
}
#endif

// Comparisons and choices. GCC does those of vectors wider than a register number by number, so such a one goes in
// halves.
#if defined(__AVX512F__)
inline constexpr std::size_t kRegister = 64;  // bytes
#elif defined(__AVX2__)
inline constexpr std::size_t kRegister = 32;
#else
inline constexpr std::size_t kRegister = 16;
#endif
template <class F, class V, class... Rest>
TEMPERA_INLINE auto by_registers(F f, V x, Rest... rest);
template <class F, std::size_t... I, class... V>
TEMPERA_INLINE auto in_halves(F f, std::index_sequence<I...>, V... x) {
  constexpr std::size_t half = sizeof...(I);
  const auto low = by_registers(f, __builtin_shufflevector(x, x, I...)...),
             high = by_registers(f, __builtin_shufflevector(x, x, (I + half)...)...);
  return __builtin_shufflevector(low, high, I..., (I + half)...);
}
template <class F, class V, class... Rest>
TEMPERA_INLINE auto by_registers(F f, V x, Rest... rest) {
  if constexpr (sizeof(V) <= kRegister) return f(x, rest...);
  else return in_halves(f, std::make_index_sequence<sizeof(V) / sizeof(x[0]) / 2>(), x, rest...);
}
#ifndef __AVX512F__
template <class V>
TEMPERA_INLINE V at_most(V x, V bound) {
  return by_registers([](auto a, auto b) { return b < a ? b : a; }, x, bound);
}
template <class V>
TEMPERA_INLINE V at_least(V x, V bound) {
  return by_registers([](auto a, auto b) { return b > a ? b : a; }, x, bound);
}
#endif

// The halves of x folded onto one another, f(lower, upper), until one element is left. In registers: through memory,
// where narrow loads follow wide stores, a row of 64 scores waits longer for its sum than for its exponentials.
template <class V, class F, std::size_t... I>
TEMPERA_INLINE auto fold(V x, F f, std::index_sequence<I...>) {
  constexpr std::size_t half = sizeof...(I);
  const auto folded = f(__builtin_shufflevector(x, x, I...), __builtin_shufflevector(x, x, (I + half)...));
  if constexpr (half == 2) return f(folded, __builtin_shufflevector(folded, folded, 1, 0))[0];
  else return fold(folded, f, std::make_index_sequence<half / 2>());
}

// As many numbers of each of N vectors as there are lanes for it, side by side: the vectors' folded halves, in order.
template <std::size_t N, class L, std::size_t... I>
TEMPERA_INLINE auto sums_of(const L* rows, std::index_sequence<I...> lanes) {
  if constexpr (N == 1) {
    return rows->v;
  } else {
    constexpr std::size_t width = sizeof...(I), wide = 2 * width / N, half = wide / 2, each = width / wide;
    const auto a = sums_of<N / 2>(rows, lanes), b = sums_of<N / 2>(rows + N / 2, lanes);
    return __builtin_shufflevector(a, b, (I / half / each * width + I / half % each * wide + I % half)...) +
           __builtin_shufflevector(a, b, (I / half / each * width + I / half % each * wide + I % half + half)...);
  }
}
}  // namespace detail

// All ones or all zeros per lane; what comparisons give and where() takes.
template <class T>
struct LaneMask {
  typename detail::LaneTypes<T>::Bits v;
  friend TEMPERA_INLINE LaneMask operator&&(LaneMask a, LaneMask b) { return {a.v & b.v}; }
  friend TEMPERA_INLINE LaneMask operator||(LaneMask a, LaneMask b) { return {a.v | b.v}; }
  friend TEMPERA_INLINE LaneMask operator!(LaneMask a) { return {~a.v}; }
};

template <class T>
struct Lanes {
  using Scalar = T;
  using Mask = LaneMask<T>;
  using Values = typename detail::LaneTypes<T>::Values;
  using Bits = typename detail::LaneTypes<T>::Bits;
  static constexpr Index kWidth = lane_width<T>;

  Values v;

  Lanes() = default;
  TEMPERA_INLINE Lanes(Values values) : v(values) {}
  // x - 0 is x for every x; 0 + x would lose the sign of -0.
  template <class S>
  requires std::is_arithmetic_v<S> TEMPERA_INLINE Lanes(S scalar) : v(static_cast<T>(scalar) - Values{}) {}

  static TEMPERA_INLINE Lanes load(const T* from) {
    Lanes x;
    std::memcpy(&x.v, from, sizeof(x.v));
    return x;
  }
  // The first `count` lanes from memory, `fill` in the others.
  static TEMPERA_INLINE Lanes load(const T* from, Index count, T fill = 0) {
    Lanes x(fill);
    detail::load_first(from, count, x.v);
    return x;
  }
  // The first `count` lanes, `fill` in the others.
  TEMPERA_INLINE Lanes first(Index count, T fill = 0) const {
    Lanes x(fill);
    detail::take_first(v, count, x.v);
    return x;
  }
  TEMPERA_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof(v)); }
  TEMPERA_INLINE void store(T* to, Index count) const { detail::store_first(to, count, v); }

  friend TEMPERA_INLINE Lanes operator+(Lanes a, Lanes b) { return a.v + b.v; }
  friend TEMPERA_INLINE Lanes operator-(Lanes a, Lanes b) { return a.v - b.v; }
  friend TEMPERA_INLINE Lanes operator*(Lanes a, Lanes b) { return a.v * b.v; }
  friend TEMPERA_INLINE Lanes operator/(Lanes a, Lanes b) { return a.v / b.v; }
  friend TEMPERA_INLINE Lanes operator-(Lanes a) { return -a.v; }
  TEMPERA_INLINE Lanes& operator+=(Lanes b) { return v += b.v, *this; }
  TEMPERA_INLINE Lanes& operator*=(Lanes b) { return v *= b.v, *this; }

  friend TEMPERA_INLINE Mask operator<(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x < y; }, a.v, b.v)};
  }
  friend TEMPERA_INLINE Mask operator<=(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x <= y; }, a.v, b.v)};
  }
  friend TEMPERA_INLINE Mask operator>(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x > y; }, a.v, b.v)};
  }
  friend TEMPERA_INLINE Mask operator>=(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x >= y; }, a.v, b.v)};
  }
  friend TEMPERA_INLINE Mask operator==(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x == y; }, a.v, b.v)};
  }
  friend TEMPERA_INLINE Mask operator!=(Lanes a, Lanes b) {
    return {detail::by_registers([](auto x, auto y) { return x != y; }, a.v, b.v)};
  }

  friend TEMPERA_INLINE Lanes where(Mask m, Lanes a, Lanes b) {
    return detail::by_registers([](auto k, auto x, auto y) { return k ? x : y; }, m.v, a.v, b.v);
  }
  // A NaN in either operand comes through.
  friend TEMPERA_INLINE Lanes min(Lanes a, Lanes b) { return where(a < b || a != a, a, b); }
  friend TEMPERA_INLINE Lanes max(Lanes a, Lanes b) { return where(a > b || a != a, a, b); }
  friend TEMPERA_INLINE Lanes clamp(Lanes x, Lanes low, Lanes high) {
    return detail::at_least(detail::at_most(x.v, high.v), low.v);
  }
  friend TEMPERA_INLINE Lanes abs(Lanes x) { return std::bit_cast<Values>(std::bit_cast<Bits>(x.v) & ~sign_bits()); }
  friend TEMPERA_INLINE Lanes square(Lanes x) { return x * x; }
  // a b + c, rounded once where the machine has an instruction for it, and else as written.
  friend TEMPERA_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) { return detail::multiply_add(a.v, b.v, c.v); }
  // The processor's own root, which is exact to half an ulp from denormals to infinity.
  friend TEMPERA_INLINE Lanes sqrt(Lanes x) { return detail::square_root(x.v); }
  friend TEMPERA_INLINE Lanes rsqrt(Lanes x) { return Lanes(1) / sqrt(x); }

  friend TEMPERA_INLINE Lanes exp(Lanes x) { return exp_of(x); }
  // exp(x) as mantissa 2^exponent, which neither overflows nor vanishes: the mantissa lies in [2^-1/2, 2^1/2], the
  // exponent is whole. For |x| <= kExpReach; a NaN comes through.
  struct ExpParts;
  static constexpr T kExpReach = sizeof(T) == 8 ? 0x1p50 : 0x1p21;
  friend TEMPERA_INLINE ExpParts exp_parts(Lanes x) { return exp_parts_of(x); }
  // x 2^n for whole n, |n| <= 252 (in float64 2044): exact, or rounded once where it is denormal.
  friend TEMPERA_INLINE Lanes ldexp(Lanes x, Lanes n) { return ldexp_of(x, n); }
  friend TEMPERA_INLINE Lanes log(Lanes x) { return log_of(x); }
  // Kahan's corrections of log(1 + x) and exp(x) - 1: the rounding of 1 + x, or of exp(x), cancels.
  friend TEMPERA_INLINE Lanes log1p(Lanes x) {
    const Lanes u = Lanes(1) + x, d = u - Lanes(1);
    const Lanes infinity(std::numeric_limits<T>::infinity());
    return where(d == Lanes(0) || x == infinity, x, log(u) * (x / d));
  }
  friend TEMPERA_INLINE Lanes expm1(Lanes x) {
    const Lanes u = exp(x), d = u - Lanes(1);
    const Lanes small = where(u == Lanes(1), x, d * (x / log(u)));
    return where(abs(x) < Lanes(0.5), small, d);
  }
  friend TEMPERA_INLINE Lanes tanh(Lanes x) { return tanh_of(x); }
  friend TEMPERA_INLINE Lanes erf(Lanes x) { return erf_of(x); }
  friend TEMPERA_INLINE Lanes sigmoid(Lanes x) {
    const Lanes z = exp(-abs(x));  // never overflows
    return where(x >= Lanes(0), Lanes(1), z) / (Lanes(1) + z);
  }
  friend TEMPERA_INLINE Lanes softplus(Lanes x) { return max(x, Lanes(0)) + log1p(exp(-abs(x))); }
  friend TEMPERA_INLINE Lanes sin(Lanes x) {
    return x.by_packet([](const auto& a) { return a.sin(); });
  }
  friend TEMPERA_INLINE Lanes cos(Lanes x) {
    return x.by_packet([](const auto& a) { return a.cos(); });
  }
  friend Lanes pow(Lanes x, Lanes y) {
    for (Index i = 0; i < kWidth; ++i) x.v[i] = std::pow(x.v[i], y.v[i]);
    return x;
  }
  friend TEMPERA_INLINE Lanes detach(Lanes x) { return x; }

  // Sum and maximum over the lanes, along a fixed tree: ((x0 + x8) + (x4 + x12)) + ...
  friend TEMPERA_INLINE T lane_sum(Lanes x) {
    return detail::fold(
        x.v, [](auto a, auto b) { return a + b; }, std::make_index_sequence<kWidth / 2>());
  }
  // lane_sum() of as many vectors as there are lanes, a third of the work of as many calls.
  static TEMPERA_INLINE Lanes lane_sums(const Lanes* rows) {
    return detail::sums_of<kWidth>(rows, std::make_index_sequence<kWidth>());
  }
  // A NaN in any lane comes through.
  friend TEMPERA_INLINE T lane_max(Lanes x) {
    return detail::fold(
        x.v, [](auto a, auto b) { return ((a > b) | (a != a)) ? a : b; }, std::make_index_sequence<kWidth / 2>());
  }

 private:
  static constexpr bool kDouble = sizeof(T) == 8;
  static constexpr int kMantissa = kDouble ? 52 : 23;
  static constexpr int kBias = kDouble ? 1023 : 127;
  static constexpr double kRounder = kDouble ? 6755399441055744. : 12582912.;  // 1.5 * 2^mantissa: adding it rounds
  using BitsScalar = std::conditional_t<kDouble, std::int64_t, std::int32_t>;

  static TEMPERA_INLINE Bits sign_bits() { return Bits{} + (BitsScalar{1} << (8 * sizeof(T) - 1)); }

  template <class F>
  TEMPERA_INLINE Lanes by_packet(F f) const {
    Eigen::Array<T, kWidth, 1> a;
    std::memcpy(a.data(), &v, sizeof(v));
    a = f(a).eval();
    return load(a.data());
  }

  template <class... C>
  static TEMPERA_INLINE Lanes horner(Lanes x, double first, C... rest) {
    Lanes sum(first);
    ((sum = fma(sum, x, Lanes(rest))), ...);
    return sum;
  }

  // exp(x) = 2^n exp(r), |r| <= ln(2) / 2; what is applied in the end runs through the denormals to 0 and to infinity.
  static TEMPERA_INLINE Lanes exp_of(Lanes x) {
    // Below `low` the result is 0, and such lanes compute nothing, for arithmetic on denormals is slow and masked
    // scores are many.
    constexpr T low = kDouble ? -746 : -104;
    const Lanes high(kDouble ? 710. : 89.), bounded = detail::at_most(x.v, high.v);
#ifdef __AVX512F__
    const auto [mantissa, exponent] = exp_parts(bounded);
    return detail::times_power_of_two(mantissa.v, exponent.v, x.v, low);
#else
    const Mask vanishes = x < Lanes(low);
    const auto [mantissa, exponent] = exp_parts(where(vanishes, Lanes(0), bounded));
    return where(vanishes, Lanes(0), ldexp(mantissa, exponent));
#endif
  }
  static TEMPERA_INLINE ExpParts exp_parts_of(Lanes x) {
    const Lanes rounded = fma(x, Lanes(1.44269504088896340736), Lanes(kRounder)), n = rounded - Lanes(kRounder);
    if constexpr (kDouble) {
      const Lanes r = fma(n, Lanes(-1.42860682030941723212e-6), fma(n, Lanes(-6.93145751953125e-1), x));
      const Lanes z = r * r;
      const Lanes p = r * horner(z, 1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1);
      const Lanes q = horner(z, 3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0);
      return {Lanes(1) + Lanes(2) * (p / (q - p)), n};
    } else {
      const Lanes r = fma(n, Lanes(2.12194440e-4), fma(n, Lanes(-0.693359375), x));
      const Lanes e = horner(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
                             5.0000001201e-1);
      return {fma(e, r * r, r) + Lanes(1), n};
    }
  }
  static TEMPERA_INLINE Lanes ldexp_of(Lanes x, Lanes n) {
#ifdef __AVX512F__
    return detail::times_power_of_two(x.v, n.v);
#else
    // In two factors, so that only the second product can leave the range of normal numbers.
    const Lanes whole = n + Lanes(kRounder);
    const Bits integer = std::bit_cast<Bits>(whole.v) - std::bit_cast<Bits>(Lanes(kRounder).v), half = integer >> 1;
    const Lanes first = std::bit_cast<Values>((half + kBias) << kMantissa);
    const Lanes second = std::bit_cast<Values>((integer - half + kBias) << kMantissa);
    return x * first * second;
#endif
  }

  // log(m 2^e) = log(m) + e ln 2, m in [sqrt(1/2), sqrt(2)).
  static TEMPERA_INLINE Lanes log_of(Lanes x) {
    const T tiny = std::numeric_limits<T>::min(), two_mantissa = static_cast<T>(BitsScalar{1} << (kMantissa + 1));
    const Mask denormal = x < Lanes(tiny);
    const Bits bits = std::bit_cast<Bits>(where(denormal, x * Lanes(two_mantissa), x).v);
    const BitsScalar mantissa_bits = (BitsScalar{1} << kMantissa) - 1;
    const Bits half = std::bit_cast<Bits>(Lanes(0.5).v) & ~(Bits{} + mantissa_bits);
    Lanes m = std::bit_cast<Values>((bits & mantissa_bits) | half);  // [0.5, 1)
    Lanes e = __builtin_convertvector((bits >> kMantissa) - (kBias - 1), Values);
    e = where(denormal, e - Lanes(kMantissa + 1), e);
    const Mask low = m < Lanes(0.70710678118654752440);
    e = where(low, e - Lanes(1), e);
    m = where(low, m + m, m) - Lanes(1);
    const Lanes z = m * m;
    Lanes y;
    if constexpr (kDouble) {
      const Lanes p = horner(m, 1.01875663804580931796e-4, 4.97494994976747001425e-1, 4.70579119878881725854e0,
                             1.44989225341610930846e1, 1.79368678507819816313e1, 7.70838733755885391666e0);
      const Lanes q = horner(m, 1.0, 1.12873587189167450590e1, 4.52279145837532221105e1, 8.29875266912776603211e1,
                             7.11544750618563894466e1, 2.31251620126765340583e1);
      y = m * (z * p / q);
    } else {
      y = horner(m, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                 -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1);
      y = y * m * z;
    }
    y = y - e * Lanes(2.121944400546905827679e-4) - Lanes(0.5) * z;
    const Lanes result = m + y + e * Lanes(0.693359375);
    const T infinity = std::numeric_limits<T>::infinity();
    const Lanes edge = where(x == Lanes(0), Lanes(-infinity), Lanes(std::numeric_limits<T>::quiet_NaN()));
    return where(x == Lanes(infinity), x, where(x > Lanes(0), result, edge));
  }

  // An odd rational function near 0, 1 - 2 / (exp(2x) + 1) beyond.
  static TEMPERA_INLINE Lanes tanh_of(Lanes x) {
    const Lanes z = x * x;
    Lanes small;
    if constexpr (kDouble)
      small = horner(z, -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3) /
              horner(z, 1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3);
    else small = horner(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1);
    const Lanes a = abs(x);
    const Lanes t = where(a < Lanes(0.625), a + a * z * small, Lanes(1) - Lanes(2) / (exp(a + a) + Lanes(1)));
    return std::bit_cast<Values>(std::bit_cast<Bits>(t.v) | (std::bit_cast<Bits>(x.v) & sign_bits()));
  }

  // x T(x^2) / U(x^2) for |x| < 1, 1 - exp(-x^2) P(|x|) / Q(|x|) beyond. In float32 the second quotient is a polynomial
  // of our own, fitted to exp(x^2) erfc(x) on [1, 4] such that the largest error of its product with exp(-x^2) is least
  // (1.4e-8). The exponential is that of the derivative; a compiler that sees both computes it once.
  static TEMPERA_INLINE Lanes erf_of(Lanes x) {
    const Lanes z = x * x, a = min(abs(x), Lanes(kDouble ? 6.0 : 4.0));
    Lanes small, far;
    if constexpr (kDouble) {
      small = horner(z, 9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3,
                     7.00332514112805075473e3, 5.55923013010394962768e4) /
              horner(z, 1.0, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3,
                     2.26290000613890934246e4, 4.92673942608635921086e4);
      far = horner(a, 2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0,
                   4.86371970985681366614e1, 1.96520832956077098242e2, 5.26445194995477358631e2,
                   9.34528527171957607540e2, 1.02755188689515710272e3, 5.57535335369399327526e2) /
            horner(a, 1.0, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2,
                   9.75708501743205489753e2, 1.82390916687909736289e3, 2.24633760818710981792e3,
                   1.65666309194161350182e3, 5.57535340817727675546e2);
    } else {
      small = horner(z, 7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
                     1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710e0);
      far = horner(a, -3.888839799e-4, 6.005123479e-3, -4.099815022e-2, 1.641335724e-1, -4.316794462e-1, 7.925945911e-1,
                   -1.048210498, 9.861272312e-1);
    }
    const Lanes t = fma(-exp(-z), far, Lanes(1));
    const Lanes outer = where(x < Lanes(0), -t, t);
    return where(x != x, x, where(abs(x) < Lanes(1), x * small, outer));
  }
};

template <class T>
struct Lanes<T>::ExpParts {
  Lanes mantissa, exponent;
};

}  // namespace tempera
