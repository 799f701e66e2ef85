// The outer product.
#pragma once

#include "core/tape.h"

namespace tempera {

//   y[.., i, j] = a[.., i] b[.., j];   da[.., i] = sum_j dy[.., i, j] b[.., j],   db likewise
// a: [.., n], b: [.., m]; the axes before broadcast. Throws Error for a scalar. Recorded as a pointwise product of two
// reshaped views.
Var outer(const Var& a, const Var& b);

}  // namespace tempera
