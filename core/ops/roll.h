// An axis turned round: cyclically, or end for end.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op roll_op;
extern const Op flip_op;

//   y[.., (e + shift) mod E, ..] = x[.., e, ..];  dx = roll(dy, -shift).      Any shift, any dtype.
Var roll(const Var& x, Index shift, int axis = -1);

//   y[.., e, ..] = x[.., E - 1 - e, ..];  dx = flip(dy).                      Any dtype.
Var flip(const Var& x, int axis = -1);

}  // namespace tempera
