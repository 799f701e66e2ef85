// Loops over one row for kernels that are limited by how many operations are under way: several vectors a turn, each
// with an accumulator of its own, in an order that depends on the length alone.
#pragma once

#include "core/ops/strip.h"

namespace tempera::kernels {

template <class T>
inline constexpr T kLowest = -std::numeric_limits<T>::infinity();

// Calls f(u, io, i) for the vectors of [0, n): u = 0 .. U - 1 in turn, then u = 0 for each that is left; io loads and
// stores as in core/ops/strip.h.
template <int U, class T, class F>
TEMPERA_INLINE void each_of(Index n, const F& f) {
  constexpr Index W = lane_width<T>;
  Index i = 0;
  for (; i + U * W <= n; i += U * W)
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) f(u, WholeLanes<T>{}, i + u * W);
  RowStrip<T>{n - i}.each([&](auto io, Index at) { f(0, io, i + at); });
}

// In each lane the maximum of its own elements and `top`. A NaN comes through.
template <class T>
TEMPERA_INLINE Lanes<T> lanes_maximum(const T* x, Index n, Lanes<T> top) {
  Lanes<T> tops[4] = {top, top, top, top};
  each_of<4, T>(n, [&](int u, auto io, Index i) { tops[u] = max(io.load(x + i, kLowest<T>), tops[u]); });
  return max(max(tops[0], tops[1]), max(tops[2], tops[3]));
}

// What is subtracted before the exponential: where all is -inf 0, so that exp(x - shift) is 0 and not NaN.
template <class T>
TEMPERA_INLINE Lanes<T> shift_from(Lanes<T> top) {
  return where(top == Lanes<T>(kLowest<T>), Lanes<T>(0), top);
}

// exp(d) for d <= 0, and 0 where that is no normal number: arithmetic on denormals takes a hundred times as long, and
// beside the largest term they count nothing.
template <class T>
TEMPERA_INLINE Lanes<T> exp_below(Lanes<T> d) {
  const auto vanishes = d < Lanes<T>(sizeof(T) == 8 ? -708.39 : -87.336);
  const auto [mantissa, exponent] = exp_parts(where(vanishes, Lanes<T>(0), d));
  return where(vanishes, Lanes<T>(0), ldexp(mantissa, exponent));
}

// In each lane the sum of exp(x - shift) over its own elements.
template <class T>
TEMPERA_INLINE Lanes<T> sum_of_exp(const T* x, Index n, Lanes<T> shift) {
  Lanes<T> sums[2] = {0, 0};
  each_of<2, T>(n, [&](int u, auto io, Index i) { sums[u] += exp_below(io.load(x + i, kLowest<T>) - shift); });
  return sums[0] + sums[1];
}

// 1 / total, and 0 for an empty sum.
template <class T>
TEMPERA_INLINE Lanes<T> reciprocal(T total) {
  return Lanes<T>(total == 0 ? T(0) : 1 / total);
}

}  // namespace tempera::kernels
