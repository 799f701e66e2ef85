// Dual numbers over Lanes: a value and its derivatives with respect to K inputs.
//
// (v, d) with f(v, d) = (f(v), f'(v) d). A lambda evaluated on Dual gives its own partial derivatives; this is how
// pointwise() and rowwise() know the backward pass of whatever they are given.
#pragma once

#include <array>
#include <numbers>

#include "core/lanes.h"

namespace tempera {

template <class T, int K>
struct Dual {
  using Scalar = T;
  using Mask = LaneMask<T>;
  using L = Lanes<T>;

  L v;
  std::array<L, K> d;

  Dual() = default;
  TEMPERA_INLINE Dual(L value) : v(value) { d.fill(L(0)); }
  template <class S>
  requires std::is_arithmetic_v<S> TEMPERA_INLINE Dual(S scalar) : Dual(L(scalar)) {}
  // The k-th input itself.
  static TEMPERA_INLINE Dual input(L value, int k) {
    Dual x(value);
    x.d[static_cast<std::size_t>(k)] = L(1);
    return x;
  }

  friend TEMPERA_INLINE Dual operator+(const Dual& a, const Dual& b) { return combine(a.v + b.v, a, L(1), b, L(1)); }
  friend TEMPERA_INLINE Dual operator-(const Dual& a, const Dual& b) { return combine(a.v - b.v, a, L(1), b, L(-1)); }
  friend TEMPERA_INLINE Dual operator*(const Dual& a, const Dual& b) { return combine(a.v * b.v, a, b.v, b, a.v); }
  friend TEMPERA_INLINE Dual operator/(const Dual& a, const Dual& b) {
    const L r = L(1) / b.v, q = a.v / b.v;
    return steep(q, a, r, b, -(q * r));
  }
  friend TEMPERA_INLINE Dual operator-(const Dual& a) { return chain(-a.v, L(-1), a); }

  // With plain numbers: a compiler may not drop the zero derivatives of a constant by itself.
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator+(const Dual& a, S s) { return chain(a.v + L(s), L(1), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator+(S s, const Dual& a) { return chain(L(s) + a.v, L(1), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator-(const Dual& a, S s) { return chain(a.v - L(s), L(1), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator-(S s, const Dual& a) { return chain(L(s) - a.v, L(-1), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator*(const Dual& a, S s) { return chain(a.v * L(s), L(s), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator*(S s, const Dual& a) { return chain(L(s) * a.v, L(s), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator/(const Dual& a, S s) { return chain(a.v / L(s), L(1) / L(s), a); }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual operator/(S s, const Dual& a) {
    const L q = L(s) / a.v;
    return steep(q, -(q / a.v), a);
  }

  friend TEMPERA_INLINE Mask operator<(const Dual& a, const Dual& b) { return a.v < b.v; }
  friend TEMPERA_INLINE Mask operator<=(const Dual& a, const Dual& b) { return a.v <= b.v; }
  friend TEMPERA_INLINE Mask operator>(const Dual& a, const Dual& b) { return a.v > b.v; }
  friend TEMPERA_INLINE Mask operator>=(const Dual& a, const Dual& b) { return a.v >= b.v; }
  friend TEMPERA_INLINE Mask operator==(const Dual& a, const Dual& b) { return a.v == b.v; }
  friend TEMPERA_INLINE Mask operator!=(const Dual& a, const Dual& b) { return a.v != b.v; }

  friend TEMPERA_INLINE Dual where(Mask m, const Dual& a, const Dual& b) {
    Dual y;
    y.v = where(m, a.v, b.v);
    for (std::size_t k = 0; k < K; ++k) y.d[k] = where(m, a.d[k], b.d[k]);
    return y;
  }
  // At a tie both operands get half.
  friend TEMPERA_INLINE Dual min(const Dual& a, const Dual& b) {
    const L w = where(a.v == b.v, L(0.5), where(a.v < b.v, L(1), L(0)));
    return combine(min(a.v, b.v), a, w, b, L(1) - w);
  }
  friend TEMPERA_INLINE Dual max(const Dual& a, const Dual& b) {
    const L w = where(a.v == b.v, L(0.5), where(a.v > b.v, L(1), L(0)));
    return combine(max(a.v, b.v), a, w, b, L(1) - w);
  }
  // On a bound the derivative is that of the inside.
  friend TEMPERA_INLINE Dual clamp(const Dual& x, const Dual& low, const Dual& high) {
    return where(x < low, low, where(x > high, high, x));
  }
  friend TEMPERA_INLINE Dual abs(const Dual& x) {
    return chain(abs(x.v), where(x.v > L(0), L(1), where(x.v < L(0), L(-1), L(0))), x);
  }
  friend TEMPERA_INLINE Dual square(const Dual& x) { return chain(x.v * x.v, x.v + x.v, x); }
  friend TEMPERA_INLINE Dual sqrt(const Dual& x) {
    const L y = sqrt(x.v);
    return steep(y, L(0.5) / y, x);
  }
  friend TEMPERA_INLINE Dual rsqrt(const Dual& x) {
    const L y = rsqrt(x.v);
    return steep(y, L(-0.5) * y / x.v, x);
  }
  friend TEMPERA_INLINE Dual exp(const Dual& x) {
    const L y = exp(x.v);
    return chain(y, y, x);
  }
  friend TEMPERA_INLINE Dual log(const Dual& x) { return steep(log(x.v), L(1) / x.v, x); }
  friend TEMPERA_INLINE Dual log1p(const Dual& x) { return steep(log1p(x.v), L(1) / (L(1) + x.v), x); }
  friend TEMPERA_INLINE Dual expm1(const Dual& x) { return chain(expm1(x.v), exp(x.v), x); }
  friend TEMPERA_INLINE Dual tanh(const Dual& x) {
    const L y = tanh(x.v);
    return chain(y, (L(1) - y) * (L(1) + y), x);
  }
  friend TEMPERA_INLINE Dual erf(const Dual& x) {
    return chain(erf(x.v), L(2 * std::numbers::inv_sqrtpi) * exp(-(x.v * x.v)), x);
  }
  // With z = exp(-|x|) both tails are exact: y = 1 / (1 + z) or z / (1 + z), y' = z / (1 + z)^2.
  friend TEMPERA_INLINE Dual sigmoid(const Dual& x) {
    const L z = exp(-abs(x.v)), r = L(1) / (L(1) + z);
    return chain(where(x.v >= L(0), L(1), z) * r, z * r * r, x);
  }
  friend TEMPERA_INLINE Dual softplus(const Dual& x) { return chain(softplus(x.v), sigmoid(x.v), x); }
  friend TEMPERA_INLINE Dual sin(const Dual& x) { return chain(sin(x.v), cos(x.v), x); }
  friend TEMPERA_INLINE Dual cos(const Dual& x) { return chain(cos(x.v), -sin(x.v), x); }
  // d/dx = y x^(y-1); d/dy = x^y log x, taken as 0 at x = 0.
  friend TEMPERA_INLINE Dual pow(const Dual& x, const Dual& y) {
    const L p = pow(x.v, y.v);
    const L slope = where(y.v == L(0), L(0), y.v * pow(x.v, y.v - L(1)));
    return steep(p, x, slope, y, where(x.v == L(0), L(0), p * log(x.v)));
  }
  template <class S>
  requires std::is_arithmetic_v<S>
  friend TEMPERA_INLINE Dual pow(const Dual& x, S y) {
    return steep(pow(x.v, L(y)), y == S(0) ? L(0) : L(y) * pow(x.v, L(y) - L(1)), x);
  }
  // The value with its derivatives cut off.
  friend TEMPERA_INLINE Dual detach(const Dual& x) { return Dual(x.v); }

 private:
  static TEMPERA_INLINE Dual chain(L value, L slope, const Dual& x) {
    Dual y;
    y.v = value;
    for (std::size_t k = 0; k < K; ++k) y.d[k] = slope * x.d[k];
    return y;
  }
  static TEMPERA_INLINE Dual combine(L value, const Dual& a, L da, const Dual& b, L db) {
    Dual y;
    y.v = value;
    for (std::size_t k = 0; k < K; ++k) y.d[k] = da * a.d[k] + db * b.d[k];
    return y;
  }
  // The same for slopes that may be infinite or NaN at the edge of the domain: an input on which x does not depend
  // gets nothing from them, so sqrt(a) + b at a = 0 has the derivative 1 with respect to b.
  static TEMPERA_INLINE L steep_term(L slope, L d) { return where(d == L(0), L(0), slope * d); }
  static TEMPERA_INLINE Dual steep(L value, L slope, const Dual& x) {
    Dual y;
    y.v = value;
    for (std::size_t k = 0; k < K; ++k) y.d[k] = steep_term(slope, x.d[k]);
    return y;
  }
  static TEMPERA_INLINE Dual steep(L value, const Dual& a, L da, const Dual& b, L db) {
    Dual y;
    y.v = value;
    for (std::size_t k = 0; k < K; ++k) y.d[k] = steep_term(da, a.d[k]) + steep_term(db, b.d[k]);
    return y;
  }
};

}  // namespace tempera
