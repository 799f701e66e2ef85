// Gradients of a bias: sums over the rows of a gradient, for linear layers.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/lanes.h"
#include "core/parallel.h"

namespace tempera::detail {

inline constexpr Index kSumVectors = 16;  // of columns at a time: their sums stay in the first-level cache

// For columns [0, cols), cols <= kSumVectors vectors, of rows that lie `stride` apart:
//   dz = dy slope, over slope unless that is null (dz = dy);  db += column sums of dz, or = unless `add`; null: no sums
// Row by row, so that memory is read in runs; four at a time, so that a sum is read and written once for them.
template <class T>
void column_sums(const T* dy, T* slope, T* db, bool add, Index rows, Index stride, Index cols) {
  constexpr Index W = lane_width<T>;
  const Index whole = cols / W, tail = cols % W;
  std::array<Lanes<T>, kSumVectors> sum;
  if (!add) sum.fill(Lanes<T>(0));
  for (Index j = 0; db && add && j * W < cols; ++j)
    sum[static_cast<std::size_t>(j)] = Lanes<T>::load(db + j * W, std::min(W, cols - j * W));
  const auto together = [&](auto height) {
    const auto step = [&](Index j, auto count) {
      Lanes<T>& to = sum[static_cast<std::size_t>(j)];
      Lanes<T> total = to;
      for (Index row = 0; row < height; ++row) {
        const Index at = row * stride + j * W;
        Lanes<T> g = Lanes<T>::load(dy + at, count);
        if (slope) {
          g *= Lanes<T>::load(slope + at, count);
          g.store(slope + at, count);
        }
        total += g;
      }
      to = total;
    };
    for (Index j = 0; j < whole; ++j) step(j, std::integral_constant<Index, W>{});
    if (tail) step(whole, tail);
    dy += height * stride;
    if (slope) slope += height * stride;
  };
  Index row = 0;
  for (; row + 4 <= rows; row += 4) together(std::integral_constant<Index, 4>{});
  for (; row < rows; ++row) together(std::integral_constant<Index, 1>{});
  for (Index j = 0; db && j * W < cols; ++j)
    sum[static_cast<std::size_t>(j)].store(db + j * W, std::min(W, cols - j * W));
}

// The same for any number of columns. Each thread owns columns, so a sum stays in one hand.
template <class T>
void column_sums(int threads, const T* dy, T* slope, T* db, bool add, Index rows, Index stride, Index cols) {
  constexpr Index W = lane_width<T>;
  const Index share = ((cols + threads - 1) / threads + W - 1) / W * W;
  parallel_panels(threads, cols, std::clamp(share, W, kSumVectors * W), [&](Index first, Index last) {
    column_sums<T>(dy + first, slope ? slope + first : nullptr, db ? db + first : nullptr, add, rows, stride,
                   last - first);
  });
}

}  // namespace tempera::detail
