// Loops over a row in whole vectors, for what is a function of a row.
#pragma once

#include <array>

#include "core/lanes.h"

namespace tempera::detail {

// Calls f(i, count) for the vectors of [0, n); count is short of a whole vector at the end only.
template <class T, class F>
TEMPERA_INLINE void each_vector(Index n, F&& f) {
  constexpr Index W = lane_width<T>;
  Index i = 0;
  for (; i + W <= n; i += W) f(i, W);
  if (i < n) f(i, n - i);
}

template <class T>
TEMPERA_INLINE Lanes<T> load_vector(const T* x, Index count, T fill) {
  return count == lane_width<T> ? Lanes<T>::load(x) : Lanes<T>::load(x, count, fill);
}
template <class T>
TEMPERA_INLINE void store_vector(const Lanes<T>& v, T* x, Index count) {
  if (count == lane_width<T>) v.store(x);
  else v.store(x, count);
}

template <class T>
T row_maximum(const T* x, Index n) {
  constexpr T low = -std::numeric_limits<T>::infinity();
  Lanes<T> top(low);
  each_vector<T>(n, [&](Index i, Index count) { top = max(top, load_vector(x + i, count, low)); });
  return lane_max(top);
}

// K sums over a row: f(i, count, sums) adds the vector at i to each; what it adds in lanes from `count` on must be 0.
template <std::size_t K, class T, class F>
std::array<T, K> row_sums(Index n, F&& f) {
  std::array<Lanes<T>, K> sums;
  sums.fill(Lanes<T>(0));
  each_vector<T>(n, [&](Index i, Index count) { f(i, count, sums); });
  std::array<T, K> result;
  for (std::size_t k = 0; k < K; ++k) result[k] = lane_sum(sums[k]);
  return result;
}

}  // namespace tempera::detail
