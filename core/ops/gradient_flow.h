// Where gradients go and where they do not.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op straight_through_op;

// The value of x, without a gradient.
Var detach(const Var& x);

//   y = hard,  d soft = dy,  d hard = 0
// The value of `hard` with the gradient of `soft` (Bengio, Leonard & Courville 2013). Shapes and dtypes are equal.
Var straight_through(const Var& hard, const Var& soft);

}  // namespace tempera
