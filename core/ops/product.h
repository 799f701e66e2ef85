// The matrix product under the operations that make matrices of their own (convolution, inverse).
#pragma once

#include <Eigen/Core>

#include "core/tensor.h"

namespace tempera {

// C = op(A) op(B) + beta C, beta 0 or 1; row-major, one thread. op(A) [m, k], op(B) [k, n], C [m, n]; ld* is the
// distance between rows as stored. With beta 0 C is not read.
template <class T>
inline void product(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, Index lda, const T* b,
                    Index ldb, int beta, T* c, Index ldc) {
  using Map = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;
  Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>> out(c, m, n, Eigen::OuterStride<>(ldc));
  const Map left(a, transpose_a ? k : m, transpose_a ? m : k, Eigen::OuterStride<>(lda));
  const Map right(b, transpose_b ? n : k, transpose_b ? k : n, Eigen::OuterStride<>(ldb));
  if (!beta) out.setZero();
  if (transpose_a && transpose_b) out.noalias() += left.transpose() * right.transpose();
  else if (transpose_a) out.noalias() += left.transpose() * right;
  else if (transpose_b) out.noalias() += left * right.transpose();
  else out.noalias() += left * right;
}

}  // namespace tempera
