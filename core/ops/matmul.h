// Matrix products, single and batched, in any transposition.
#pragma once

#include "core/kernels/gemm.h"
#include "core/tape.h"

namespace tempera {

using kernels::Transpose;

extern const Op matmul_op;

//   Y = op(A) op(B)                 A [.., N, K], B [.., K, M] -> Y [.., N, M]; op(X) = X or X^T of the last two axes
//   dA = dY op(B)^T,  dB = op(A)^T dY       (transposed where op transposes)
// The axes in front broadcast; a gradient is summed over what was broadcast, in order. K = 0 gives zeros. The rows of
// Y do not depend on each other, nor on the number of threads, down to the last bit (see core/kernels/gemm.h).
// Throws Error unless both have rank >= 2, one dtype, and inner extents that agree.
Var matmul(const Var& a, const Var& b, Transpose ta = Transpose::no, Transpose tb = Transpose::no);

}  // namespace tempera
