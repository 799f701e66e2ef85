// Softmax and its logarithm over one axis.
#pragma once

#include "core/kernels/softmax_rows.h"
#include "core/tape.h"

namespace tempera {

using SoftmaxAlgorithm = kernels::SoftmaxAlgorithm;

extern const Op softmax_op;
extern const Op log_softmax_op;

//   y = exp(x - max x) / sum exp(x - max x)        over `axis`; any shape
//   dx = y (dy - sum(dy y))
// A row that is -inf throughout gives zeros and a zero gradient; +inf or NaN makes its whole row NaN.
// `algorithm` is for rows that lie together in memory (core/kernels/softmax_rows.h); along another axis three passes
// run, with a row in each lane. Throws Error for an axis outside [-rank, rank) or an int32 x.
Var softmax(const Var& x, int axis = -1, SoftmaxAlgorithm algorithm = SoftmaxAlgorithm::automatic);

//   y = x - max x - log sum exp(x - max x)         over `axis`; any shape
//   dx = dy - exp(y) sum(dy)
// A row that is -inf throughout stays -inf, with a zero gradient; +inf or NaN makes its whole row NaN. Errors as above.
Var log_softmax(const Var& x, int axis = -1);

}  // namespace tempera
