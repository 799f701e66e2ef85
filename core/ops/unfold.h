// Sliding windows.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op unfold_op;

//   y[.., n, .., w] = x[.., n step + w, ..]     0 <= n < (E - window) / step + 1,  0 <= w < window
//   dx[.., e, ..] = sum of dy[.., n, .., w] over n step + w = e
// The window is a new last axis, as in torch.Tensor.unfold; entries behind the last whole window are not read and get
// gradient 0. Any dtype, rank <= 4. Throws Error unless 1 <= window <= E and step >= 1. Windows are copied: window /
// step times the memory of x. Gradients are summed in float64.
Var unfold(const Var& x, int axis, Index window, Index step = 1);

}  // namespace tempera
