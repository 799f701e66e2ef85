// The weights of entmax over one row: a threshold, and a power of what lies above it.
//
//   p = [(alpha - 1) s - tau]_+ ^ (1 / (alpha - 1)),     tau such that the weights sum to 1,     alpha > 1
//
// Peters, Niculae & Martins 2019; alpha = 2 is the sparsemax (Martins & Astudillo 2016). tau is a root of
// sum [x - tau]_+^(1 / (alpha - 1)) - 1, x = (alpha - 1)(s - max s), in [-1, -n^(1 - alpha)]: Newton's steps where they
// stay in the bracket, bisection where not. Up to alpha = 2 the sum is convex and Newton's steps from the left never
// leave; for the sparsemax they end at the exact threshold.
#pragma once

#include <cmath>

#include "core/row_loops.h"

namespace tempera::detail {

// u^e and u^(e - 1) of u >= 0, 0 at 0, where e = 1 / (alpha - 1). Only the general one needs a logarithm.
struct LinearPower {
  template <class L>
  static std::array<L, 2> of(const L& u) {
    return {u, where(u > L(0), L(1), L(0))};
  }
};
struct QuadraticPower {
  template <class L>
  static std::array<L, 2> of(const L& u) {
    return {u * u, u};
  }
};
struct GeneralPower {
  double e;
  template <class L>
  std::array<L, 2> of(const L& u) const {
    const L power = exp(L(e) * log(u));
    return {power, where(u > L(0), power / u, L(0))};
  }
};

// Calls f(power) for factor = alpha - 1.
template <class T, class F>
void with_entmax_power(T factor, const F& f) {
  if (factor == T(1)) f(LinearPower{});
  else if (factor == T(0.5)) f(QuadraticPower{});
  else f(GeneralPower{1 / static_cast<double>(factor)});
}

// What the weights of a row are made of: its maximum, tau, and the sum that rounding leaves.
template <class T>
struct EntmaxRow {
  T top = 0, tau = 0, sum = 1;
};

// sum [x - tau]_+^e - 1 and its slope.
template <class T, class Power>
std::array<T, 2> entmax_excess(const T* s, Index n, T factor, T top, T tau, const Power& power) {
  using L = Lanes<T>;
  const auto sums = row_sums<2, T>(n, [&](Index i, Index count, auto& to) {
    const L x = load_vector(s + i, count, -std::numeric_limits<T>::infinity());
    const auto [p, slope] = power.of(max(L(factor) * (x - L(top)) - L(tau), L(0)));
    to[0] += p;
    to[1] += slope;
  });
  return {sums[0] - 1, sums[1]};
}

template <class T, class Power>
T entmax_threshold(const T* s, Index n, T factor, T top, const Power& power) {
  constexpr int kSteps = 60;  // what bisection alone would need
  const T e = 1 / factor, close = 2 * std::numeric_limits<T>::epsilon();
  T low = -1, high = -std::pow(T(1) / static_cast<T>(n), factor), tau = low;
  for (int step = 0; step < kSteps; ++step) {
    const auto [over, slope] = entmax_excess(s, n, factor, top, tau, power);
    if (!(std::abs(over) > close)) break;
    (over > 0 ? low : high) = tau;
    T next = tau + over / (e * slope);
    if (!(next >= low && next <= high)) next = low + (high - low) / 2;
    const bool found = std::abs(next - tau) <= close * std::abs(next);
    tau = next;
    if (found) break;
  }
  return tau;
}

// n >= 1.
template <class T>
EntmaxRow<T> solve_entmax(const T* s, Index n, T factor) {
  EntmaxRow<T> row{row_maximum(s, n), 0, 0};
  with_entmax_power(factor, [&](const auto& power) {
    row.tau = entmax_threshold(s, n, factor, row.top, power);
    row.sum = entmax_excess(s, n, factor, row.top, row.tau, power)[0] + 1;
  });
  return row;
}

// p may be s.
template <class T>
void entmax_weights(const T* s, Index n, T factor, const EntmaxRow<T>& row, T* p) {
  using L = Lanes<T>;
  const L top(row.top), tau(row.tau), scale(1 / row.sum);
  with_entmax_power(factor, [&](const auto& power) {
    each_vector<T>(n, [&](Index i, Index count) {
      const L x = load_vector(s + i, count, row.top);
      store_vector(power.of(max(L(factor) * (x - top) - tau, L(0)))[0] * scale, p + i, count);
    });
  });
}

}  // namespace tempera::detail
