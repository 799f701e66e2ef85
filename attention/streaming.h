// What both orders of streaming attention share: rows of numbers by vectors, tiles of keys or values packed once.
#pragma once

#include <limits>

#include "attention/tiles.h"
#include "core/lanes.h"

namespace tempera::detail {

template <class T>
inline constexpr T kLow = -std::numeric_limits<T>::infinity();

// Calls f(i, count) for whole vectors of [first, last) and for the rest.
template <class T, class F>
TEMPERA_INLINE void vectors(Index first, Index last, F&& f) {
  constexpr Index W = lane_width<T>;
  Index i = first;
  for (; i + W <= last; i += W) f(i, std::integral_constant<Index, W>{});
  if (i < last) f(i, last - i);
}

template <class T>
TEMPERA_INLINE Lanes<T> load(const T* x, Index count, T fill) {
  return count == lane_width<T> ? Lanes<T>::load(x) : Lanes<T>::load(x, count, fill);
}
template <class T>
TEMPERA_INLINE void store(Lanes<T> v, T* x, Index count) {
  if (count == lane_width<T>) v.store(x);
  else v.store(x, count);
}

// A NaN is passed over here; it spoils the sum.
template <class T>
TEMPERA_INLINE Lanes<T> larger(Lanes<T> a, Lanes<T> b) {
  return where(a > b, a, b);
}

template <class T>
TEMPERA_INLINE void scale_row(T* x, Index width, T factor) {
  vectors<T>(0, width, [&](Index i, auto count) { store(load<T>(x + i, count, 0) * Lanes<T>(factor), x + i, count); });
}

// A tile of keys or values of one head, packed for the products of all blocks of queries with it.
template <class T>
struct PackedTile {
  kernels::Transpose transpose;
  T* scratch;
  const T* at = nullptr;
  Index depth = 0;

  // Rows [tile.first, tile.last), each `width` wide.
  void pack(const HeadView<const T>& x, Index b, Index h, Range tile, Index width) {
    const bool columns = transpose == kernels::Transpose::yes;
    depth = columns ? width : tile.count();
    kernels::pack(transpose, columns ? tile.count() : width, depth, x(b, h, tile.first), x.row, scratch);
    at = scratch;
  }
  // The same of a head whose `room` keys lie packed as a whole.
  void enter(const HeadView<const T>& x, Index b, Index h, Range tile, Index width, Index room) {
    const bool columns = transpose == kernels::Transpose::yes;
    depth = columns ? width : room;
    at = x(b, h, 0) + tile.first * (columns ? width : kernels::packed_width<T>());
  }
  void take(const HeadView<const T>& x, Index b, Index h, Range tile, Index width, Index room) {
    if (room > 0) enter(x, b, h, tile, width, room);
    else pack(x, b, h, tile, width);
  }
  // C [rows, cols] = alpha op(A) B + beta C with the part of the tile that begins at row `skip` of it.
  void multiply(Index skip, Index rows, Index cols, Index inner, T alpha, const T* a, Index lda, T beta, T* c,
                Index ldc, kernels::Transpose ta = kernels::Transpose::no) const {
    const T* const part = at + skip * (transpose == kernels::Transpose::yes ? depth : kernels::packed_width<T>());
    kernels::gemm_packed(ta, rows, cols, inner, alpha, a, lda, part, depth, beta, c, ldc);
  }
};

// The forward pass with a query to a row of scores: for few queries, and for keys and values that lie packed.
Tensor streaming_rows(const AttentionCall& call, Tape& tape, Tensor& sums);

}  // namespace tempera::detail
