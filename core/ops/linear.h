// A linear layer with its bias and activation in one pass over the output.
#pragma once

#include "core/activation.h"
#include "core/tape.h"

namespace tempera {

extern const Op linear_op;

//   Z = X W^T + b,  Y = f(Z)           X [.., I], W [O, I], b [O] or undefined (Var{}) -> Y [.., O]
//   dZ = dY f'(Z),  dX = dZ W,  dW = dZ^T X,  db = column sums of dZ
// Bias and activation are applied to blocks of the product while they are in cache, and f'(Z) is computed with f(Z) and
// kept for the backward pass, which needs it alone. Sums over rows run in the order of the rows, whatever the number of
// threads.
// Throws Error where X and W disagree in I, W and b in O, or the dtypes differ.
Var linear(const Var& x, const Var& w, const Var& b = {}, Activation activation = Activation::none);

// The extents of the product, for operations that are fused with it. Throws those errors in the name of `who`.
struct LinearSizes {
  Index rows, in, out;
};
LinearSizes linear_sizes(std::string_view who, const Var& x, const Var& w, const Var& b);

}  // namespace tempera
