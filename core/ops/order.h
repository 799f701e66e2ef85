// Sorting along one axis.
//
// All are stable: of equal values the one with the lower index comes first, in either direction; -0 equals 0. NaN
// counts as larger than everything (as in PyTorch). All throw Error for an axis outside [-rank, rank).
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op sort_op;
extern const Op topk_op;

//   y[e] = x[p[e]], p the sorting permutation            dx[p[e]] = dy[e]
// Shapes are kept; x is float32 or float64.
Var sort(const Var& x, int axis = -1, bool descending = false);

// The permutation p of sort: int32, of the shape of x. Any dtype; no gradient.
Tensor argsort(const Tensor& x, int axis = -1, bool descending = false, const std::shared_ptr<Pool>& pool = nullptr);

//   values[e] = x[indices[e]]: the k largest, the largest first     dx[indices[e]] = dvalues[e], 0 elsewhere
// The axis has extent k in both. Throws Error unless 0 <= k <= extent.
struct TopK {
  Var values;
  Tensor indices;  // int32
};
TopK topk(const Var& x, Index k, int axis = -1);

}  // namespace tempera
