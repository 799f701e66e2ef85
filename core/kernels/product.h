// Matrix products over tensors' memory: kernels::gemm with scratch from a pool, shared out among threads.
#pragma once

#include <memory>

#include "core/kernels/gemm.h"
#include "core/memory.h"

namespace tempera::kernels {

// One operand of a product, row-major: rows x cols as stored, rows `ld` apart, and how it is read.
template <class T>
struct Operand {
  const T* at;
  Index ld;
  Transpose transpose = Transpose::no;
};

// Where products run: scratch memory and a team of threads. Rows of C are shared out; their values do not depend on
// how (see gemm.h), so neither do the bits on the number of threads. With matrix units products of float32 that are
// worth it are those of split_gemm.h.
struct Team {
  int threads;
  const std::shared_ptr<Pool>& pool;
  bool matrix_units = false;
};

// C [m, n] = alpha op(A) op(B) + beta C, then epilogue(row, rows, col, cols) for finished blocks.
template <class T>
void product(const Team& team, Index m, Index n, Index k, T alpha, Operand<T> a, Operand<T> b, T beta, T* c, Index ldc,
             Epilogue epilogue = {});

// C_i = alpha op(A_i) op(B_i) + beta C_i for i < count; the matrices lie `stride` elements apart (0: the same one).
// With a stride of 0 for C the products are summed in order.
struct Batch {
  Index count;
  Index stride_a, stride_b, stride_c;
};
template <class T>
void products(const Team& team, const Batch& batch, Index m, Index n, Index k, T alpha, Operand<T> a, Operand<T> b,
              T beta, T* c, Index ldc);

// C [m, n] = A B with all of B packed (kernels::pack), then the epilogue. Columns are shared out among threads, so that
// few rows are enough for several. The same bits as product().
template <class T>
void packed_product(const Team& team, Index m, Index n, Index k, const T* a, Index lda, const T* packed, T* c,
                    Index ldc, const Epilogue& epilogue = {});

}  // namespace tempera::kernels
