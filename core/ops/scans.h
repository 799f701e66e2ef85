// Running sums and maxima along one axis.
//
// Shapes are kept. Both throw Error for an axis outside [-rank, rank) or an int32 x. An axis of extent 0 gives nothing.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op cumsum_op;
extern const Op cummax_op;

//   y[e] = x[0] + ... + x[e]               dx[e] = dy[e] + ... + dy[last]
// Added up in float64 whatever the type of x. NaN and infinities spoil what comes after them.
Var cumsum(const Var& x, int axis = -1);

//   y[e] = max(x[0], ..., x[e])            dx[e] = sum of dy[k] for the k whose maximum stands at e
// Of equal maxima the latest counts (as in PyTorch). After a NaN all is NaN.
Var cummax(const Var& x, int axis = -1);

}  // namespace tempera
