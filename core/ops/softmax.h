// Softmax over one axis.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op softmax_op;

//   y = exp(x - max x) / sum exp(x - max x)        over `axis`; any shape
//   dx = y * (dy - sum(dy * y))
// A row that is -inf throughout gives zeros and a zero gradient; +inf gives NaN.
Var softmax(const Var& x, int axis = -1);

}  // namespace tempera
