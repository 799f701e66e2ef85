// The inverse of small square matrices.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op inverse_op;

//   y = x^-1        dx = -y^T dy y^T        x, y [.., n, n]
// By elimination with partial pivoting (Golub & Van Loan, Matrix Computations, 3.4). Throws Error, naming the matrix,
// where the condition number |x|_1 |y|_1 reaches 1 / epsilon of the type (4.5e15, 8.4e6), so that no digit of y would
// be right, or where x is not finite. n = 0 gives the empty matrix.
Var inverse(const Var& x);

}  // namespace tempera
