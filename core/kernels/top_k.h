// The k largest elements of a row, with their probabilities or without, in one reading of the row.
//
//   y = softmax(x),  best = the k largest of them, the largest first, of equals the one of the lower index
//
// The maximum, the sum of the softmax and the list go along together (Milakov & Gimelshein 2018, arXiv 1805.02867,
// algorithm 4): one access to memory for each element, where a softmax and a search behind it take five. Whole blocks
// are passed over whose maximum does not reach the list.
#pragma once

#include <span>

#include "core/shape.h"

namespace tempera::kernels {

struct Ranked {
  double value = 0;
  Index index = 0;
};

template <class T>
struct RowTop {
  Index count = 0;  // entries of the list: min(k, n)
  T maximum = 0;    // NaN where the row holds one; the list is of no use then
};

// best: the k largest x. Time O(n + h k) where h elements enter the list, about k (1 + ln(n / k)) of them in random
// order and n in ascending order.
template <class T>
RowTop<T> top_k(const T* x, Index n, std::span<Ranked> best);

// best: the k largest y. A row that is -inf throughout has probabilities of zero.
template <class T>
RowTop<T> softmax_top_k(const T* x, Index n, std::span<Ranked> best);

}  // namespace tempera::kernels
