// Elementwise operations: one line of mathematics each; the derivative comes from core/dual.h.
//
// Binary ones broadcast. All are instances of pointwise(): a chain of several is better written as one lambda, which
// costs one pass over memory instead of one each.
#pragma once

#include "core/tape.h"

namespace tempera {

Var exp(const Var& x);
Var expm1(const Var& x);  // exp(x) - 1, accurate near 0
Var log(const Var& x);
Var log1p(const Var& x);  // log(1 + x), accurate near 0
Var sqrt(const Var& x);
Var rsqrt(const Var& x);  // 1 / sqrt(x)
Var square(const Var& x);
Var abs(const Var& x);  // derivative 0 at 0
Var neg(const Var& x);
Var reciprocal(const Var& x);
Var sin(const Var& x);
Var cos(const Var& x);
Var tanh(const Var& x);
Var erf(const Var& x);
Var sigmoid(const Var& x);                         // 1 / (1 + exp(-x))
Var softplus(const Var& x);                        // log(1 + exp(x)), never overflows
Var relu(const Var& x);                            // max(x, 0); derivative 0 at 0
Var gelu(const Var& x);                            // x Phi(x) = x / 2 (1 + erf(x / sqrt 2))  (Hendrycks & Gimpel 2016)
Var gelu_tanh(const Var& x);                       // x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
Var silu(const Var& x);                            // x sigmoid(x)
Var clamp(const Var& x, double low, double high);  // derivative 1 on the bounds
Var scale(const Var& x, double factor, double shift = 0);  // factor x + shift
Var pow(const Var& x, double exponent);

Var add(const Var& a, const Var& b);
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var div(const Var& a, const Var& b);
Var pow(const Var& a, const Var& b);
Var minimum(const Var& a, const Var& b);  // at a tie both get half the gradient
Var maximum(const Var& a, const Var& b);

// a where condition != 0, else b. `condition` is int32 or floating; it broadcasts and has no gradient.
Var where(const Tensor& condition, const Var& a, const Var& b);

inline Var operator+(const Var& a, const Var& b) {
  return add(a, b);
}
inline Var operator-(const Var& a, const Var& b) {
  return sub(a, b);
}
inline Var operator*(const Var& a, const Var& b) {
  return mul(a, b);
}
inline Var operator/(const Var& a, const Var& b) {
  return div(a, b);
}
inline Var operator-(const Var& a) {
  return neg(a);
}
inline Var operator+(const Var& a, double b) {
  return scale(a, 1, b);
}
inline Var operator+(double a, const Var& b) {
  return scale(b, 1, a);
}
inline Var operator-(const Var& a, double b) {
  return scale(a, 1, -b);
}
inline Var operator-(double a, const Var& b) {
  return scale(b, -1, a);
}
inline Var operator*(const Var& a, double b) {
  return scale(a, b);
}
inline Var operator*(double a, const Var& b) {
  return scale(b, a);
}
inline Var operator/(const Var& a, double b) {
  return scale(a, 1 / b);
}
inline Var operator/(double a, const Var& b) {
  return scale(reciprocal(b), a);
}

// The operations above, for the table.
std::span<const Op* const> elementwise_ops();

}  // namespace tempera
