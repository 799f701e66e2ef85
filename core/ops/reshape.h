// Other shapes over the same elements: nothing is copied, neither forward nor backward.
#pragma once

#include <initializer_list>

#include "core/tape.h"

namespace tempera {

extern const Op reshape_op;

//   y[k] = x[k],  dx[k] = dy[k]        k the row-major position
// y shares the buffer of x, dx that of dy. Any dtype. Throws Error where the sizes differ.
Var reshape(const Var& x, const Shape& shape);
// One extent may be -1: it follows from the size of x.   reshape(x, {B, -1, D})
// Throws Error also where that extent is not determined: two of -1, or the others' product is 0.
Var reshape(const Var& x, std::initializer_list<Index> extents);

// Axes [first, last] as one: [B, N, H, D] -> flatten(x, 2) -> [B, N, H D]. A scalar becomes [1].
Var flatten(const Var& x, int first = 0, int last = -1);
// Without an axis of extent 1. Throws Error where the extent is another.
Var squeeze(const Var& x, int axis);
// With a new axis of extent 1, which becomes axis `axis` of y; -1 is behind the last. Throws Error where the rank
// would exceed 5.
Var unsqueeze(const Var& x, int axis);

}  // namespace tempera
