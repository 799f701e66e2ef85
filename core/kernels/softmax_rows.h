// The softmax of one row, by each of the published algorithms.
//
//   y_i = exp(x_i - m) / sum_j exp(x_j - m),   m = max x;      x, y [n]
//
// A row that is -inf throughout gives zeros; +inf or NaN makes its whole row NaN. A probability below 2^-126 of the
// largest (2^-1022 in float64) may come out as 0. No algorithm overflows for any finite x, and none allocates.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/shape.h"

namespace tempera::kernels {

enum class SoftmaxAlgorithm {
  automatic,
  three_pass_reload,
  three_pass_recompute,
  online,
  two_pass,
  online_reload,
};

struct SoftmaxAlgorithmInfo {
  SoftmaxAlgorithm algorithm;
  std::string_view name, formula, source, range;
  int reads, writes;  // passes over memory that read a row, x or y, and that write y
  int exponentials;   // of an element
};

// Every algorithm but `automatic`.
std::span<const SoftmaxAlgorithmInfo> softmax_algorithms();
// "auto", "three_pass_reload", ...: what an option may name.
std::span<const std::string_view> softmax_algorithm_names();
// Throws Error(who, ...) for an unknown name.
SoftmaxAlgorithm softmax_algorithm(std::string_view name, std::string_view who);

// What `automatic` stands for: three_pass_reload while x and y together fit in 2 MiB, a usual second-level cache,
// online_reload for longer rows. The length and the type decide and nothing else, neither the machine nor a clock, for
// the algorithms differ in the last bits.
SoftmaxAlgorithm softmax_algorithm_for(Index n, Index bytes_per_element);

// y may be x.
template <class T>
void softmax_row(SoftmaxAlgorithm algorithm, const T* x, T* y, Index n);

// dx = y (dy - sum(dy y)), or added to dx; dx may be dy.
template <class T>
void softmax_row_gradient(const T* y, const T* dy, T* dx, Index n, bool add);

}  // namespace tempera::kernels
