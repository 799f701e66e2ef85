// Linear equations with triangular matrices.
#pragma once

#include "core/ops/substitution.h"
#include "core/tape.h"

namespace tempera {

extern const Op triangular_solve_op;

//   op(A) X = B        op(A) = A or A^T, of A [.., n, n] one triangle        B, X [.., n, m], leading axes as A's
//   dB = op(A)^-T dX
//   dA = -dB X^T, for the transpose -X dB^T, both cut to the triangle that is read
// Throws Error, naming the matrix, where a diagonal element is 0, unless unit_diagonal.
Var triangular_solve(const Var& a, const Var& b, const TriangularOptions& options = {});

}  // namespace tempera
