// The same elements several times.
#pragma once

#include <initializer_list>
#include <span>

#include "core/tape.h"

namespace tempera {

extern const Op broadcast_to_op;
extern const Op repeat_op;
extern const Op tile_op;

//   y[p] = x[p with 0 where x has extent 1 or no axis];  dx = sum of dy over those axes
// numpy's rule: axes line up from the back. Elementwise operations broadcast by themselves, without this copy.
Var broadcast_to(const Var& x, const Shape& shape);

//   y[.., e times + k, ..] = x[.., e, ..]     0 <= k < times      [1, 2] -> [1, 1, 2, 2]
// dx sums over k. As torch.repeat_interleave: key heads shared by groups of query heads.
Var repeat(const Var& x, Index times, int axis = -1);

//   y[.., k E + e, ..] = x[.., e, ..]         0 <= k < times      [1, 2] -> [1, 2, 1, 2]
// dx sums over k. As torch.tile along one axis.
Var tile(const Var& x, Index times, int axis = -1);

// All three take any dtype; gradients are summed in float64.

}  // namespace tempera
