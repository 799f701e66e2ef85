// Moving elements between two tensors along a nest of loops.
//
//   to[to_first + p1 to1 + p2 to2 + ...]  (+)=  from[from_first + p1 from1 + p2 from2 + ...]
//
// for all positions p_k in [0, extent_k). Transposition, slices, padding, flips, broadcasts and windows are all
// this, each with strides of its own; their gradients are the same nest with both sides exchanged.
#pragma once

#include <array>

#include "core/tensor.h"

namespace tempera {

struct Strided {
  static constexpr int kMaxLevels = 2 * Shape::kMaxRank;
  struct Level {
    Index extent, from, to;
  };

  std::array<Level, kMaxLevels> level{};
  int levels = 0;
  Index from_first = 0, to_first = 0;

  // Adds a loop inside those that are there. Strides may be zero or negative.
  Strided& loop(Index extent, Index from, Index to);
  Strided reversed() const;  // from and to exchanged
  Index size() const;        // product of the extents
};

// Elements between neighbours along `axis`: the product of the extents behind it.
inline Index stride_of(const Shape& shape, int axis) {
  return shape.product(axis + 1, shape.rank());
}

// to = from, or to += from, along `loops`. Every element of `to` may be met at most once. Rows of neighbours are
// copied whole; a pair of exchanged axes goes through square tiles in registers. All dtypes (add: float32 and float64).
void strided_move(const Strided& loops, const Tensor& from, Tensor& to, bool add, int threads);

// The same where an element of `to` may be met any number of times: to (+)= sum of all that meet it. Elements of `to`
// that are never met become 0 (or stay, with add). `to` is whole and contiguous; `sums` is float64 scratch of its size.
// Sums run in float64 and in an order that is fixed, so float32 results are within an ulp. float32 and float64.
void strided_sum(const Strided& loops, const Tensor& from, Tensor& to, Tensor& sums, bool add, int threads);

}  // namespace tempera
