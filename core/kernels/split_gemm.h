// Products of float32 matrices on the processor's matrix units (Intel AMX), which multiply numbers of 8 bits of
// mantissa (bfloat16) and add in float32: as exact as float32, at 2.7 times the peak of fused multiply-adds.
//
//   C = alpha op(A) op(B) + beta C        as kernels::gemm
//
// Value. Each number x of alpha op(A) and of op(B) is the sum of three of bfloat16: with r(x) = x rounded to 8 bits of
// mantissa, halves away from zero,
//
//   x1 = r(x),   x2 = r(x - x1),   x3 = x - x1 - x2        exactly x = x1 + x2 + x3 above 2^-110
//
// Of the nine products of parts, six are taken; those left out are below 2^-24 of the whole. The inner dimension is cut
// into steps of 32, zeros beyond its end. With <u, v> = fma chain of u_p v_p over the first 16 places p of a step from
// 0, plus the chain over the others, each element is by definition, from c = fl(beta c), step by step
//
//   c = c + <a1, b3>,  c + <a1, b2>,  c + <a2, b2>,  c + <a2, b1>,  c + <a3, b1>,  c + <a1, b1>        in this order
//
// and depends, as there, on nothing but its row, its column and its own c. Sums are rounded six times in 32 products
// instead of 32 times: the error is no larger than that of gemm(). What differs from gemm() besides the bits: numbers
// beyond 3.39e38 overflow, results and parts below 1.2e-38 are 0, and an infinity gives NaN.
//
// Source: G. Henry, P. T. P. Tang, A. Heinecke, Leveraging the bfloat16 Artificial Intelligence Datatype For
//         Higher-Precision Computations, ARITH 2019 ("BF16x3").
#pragma once

#include "core/kernels/gemm.h"

namespace tempera::kernels {

// Whether the library was built for matrix units and the processor and the system let this process use them.
bool has_matrix_units();

// Whether split_gemm() is worth while for such a product: smaller ones cost more to split than they gain.
bool is_worth_splitting(Index m, Index n, Index k);

std::size_t split_gemm_workspace_bytes(Index m, Index n, Index k);

// Wants has_matrix_units(), and otherwise what gemm() wants, with split_gemm_workspace_bytes().
void split_gemm(Transpose ta, Transpose tb, Index m, Index n, Index k, float alpha, const float* a, Index lda,
                const float* b, Index ldb, float beta, float* c, Index ldc, Workspace ws, Epilogue epilogue = {});

}  // namespace tempera::kernels
