// Matrix product, row-major, one thread.
//
//   C = alpha * op(A) op(B) + beta * C        op(X) = X or X^T
//
//   op(A) [m, k]   op(B) [k, n]   C [m, n]    ld* = distance between rows as stored, in elements
//
// The three products of a linear layer Y = X W^T with X [T, I], W [O, I], Y [T, O]:
//
//   Y   = X W^T         gemm(no,  yes, T, O, I, 1, X,  I, W, I, 0, Y,  O, ws)
//   dX  = dY W          gemm(no,  no,  T, I, O, 1, dY, O, W, I, 0, dX, I, ws)
//   dW += dY^T X        gemm(yes, no,  O, I, T, 1, dY, O, X, I, 1, dW, I, ws)
//
// Value. The inner dimension is cut into blocks K_1, K_2, ... that depend on k and T alone (kernels::k_block).
// With fl() the rounding to T, each element is by definition
//
//   s_b = fma(a_ip, b_pj, s_b)  for p in K_b, in increasing order, from s_b = 0
//   c   = fl(alpha s_1)                  if beta = 0   (C is not read, NaN in it is overwritten)
//   c   = fma(alpha, s_1, fl(beta c))    otherwise
//   c   = fma(alpha, s_b, c)             for b = 2, 3, ...
//
// so an element depends on its row of op(A), its column of op(B) and its own c, and on nothing else: not on m or n, on
// its place in a tile, on the vector width, on how rows or columns are shared out among threads. On a machine without
// FMA instructions each fma above is a multiplication and an addition, with the same invariance.
//
// Nothing is allocated: the caller lends a workspace of gemm_workspace_bytes<T>(m, n, k) bytes, of any alignment.
// Sizes may be 0; k = 0 gives C = beta C. A, B and C must not overlap the workspace or each other (A and B may
// coincide).
//
// Source: K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (2008);
//         F. Van Zee, R. van de Geijn, BLIS: A Framework for Rapidly Instantiating BLAS Functionality, ACM TOMS 41
//         (2015).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "core/shape.h"

namespace tempera::kernels {

using Workspace = std::span<std::byte>;

enum class Transpose { no, yes };

// What to do with finished elements while they are in cache, e.g. add a bias and apply an activation.
// Called as f(row, rows, col, cols) for blocks that cover C exactly once. Their shapes depend on m and n: the functor
// must treat each element by itself if the invariance above is to hold. Refers to the functor, does not own it.
class Epilogue {
 public:
  Epilogue() = default;
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Epilogue>) Epilogue(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Index row, Index rows, Index col, Index cols) {
          (*static_cast<std::remove_reference_t<F>*>(object))(row, rows, col, cols);
        }) {}

  explicit operator bool() const { return call_ != nullptr; }
  void operator()(Index row, Index rows, Index col, Index cols) const { call_(object_, row, rows, col, cols); }

 private:
  void* object_ = nullptr;
  void (*call_)(void*, Index, Index, Index, Index) = nullptr;
};

// Length of the blocks of the inner dimension (the last one may be shorter); 0 for k = 0.
template <class T>
Index k_block(Index k);

// Bytes gemm<T> needs for these sizes, whatever the transposes. Never more than gemm_workspace_limit<T>().
template <class T>
std::size_t gemm_workspace_bytes(Index m, Index n, Index k);
template <class T>
std::size_t gemm_workspace_limit();

// T is float or double. Throws Error for a negative size, a row distance shorter than its row, or a
// workspace that is too small.
template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc, Workspace ws);
template <class T>
void gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
          T beta, T* c, Index ldc, Workspace ws, Epilogue epilogue);

// op(B), k x n, laid out once for several products with it: panels of packed_width() columns, zero beyond n, each row
// after row. Row p of the panel of columns [j, ..) begins at j * k + p * packed_width(): a product may begin there.
template <class T>
Index packed_width();
template <class T>
Index packed_size(Index n, Index k);  // elements
template <class T>
void pack(Transpose tb, Index n, Index k, const T* b, Index ldb, T* packed);

// C = alpha op(A) op(B) + beta C with B packed, of which the first n columns and k rows from `packed` on count; `depth`
// rows were packed; k > 0. The same bits as gemm(), without a workspace; no checks.
template <class T>
void gemm_packed(Transpose ta, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* packed, Index depth,
                 T beta, T* c, Index ldc);

// The same with B read where it lies, for small products: n is such that gemm_reads(n), a multiple of the vector, k >
// 0.
template <class T>
bool gemm_reads(Index n);
template <class T>
void gemm_in_place(Transpose ta, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
                   T beta, T* c, Index ldc);

}  // namespace tempera::kernels
