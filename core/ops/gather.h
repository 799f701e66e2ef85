// Picking and adding single entries along an axis, as torch.gather and torch.scatter_add do.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op gather_op;
extern const Op scatter_add_op;

//   y[p] = x[p with p_axis = indices[p]];    dx[p with p_axis = indices[p]] += dy[p]
// indices: int32 of the rank of x, along other axes no longer than x; y has its shape. Any dtype.
// Sums of gradients run in float64, in the order of p. Throws Error, with position and value, for an index
// outside [0, x.dim(axis)).
Var gather(const Var& x, int axis, const Tensor& indices);

//   y = x;  y[p with p_axis = indices[p]] += source[p];      dx = dy,  dsource = gather(dy, axis, indices)
// source has the shape of indices; the rest as above. float32 and float64.
Var scatter_add(const Var& x, int axis, const Tensor& indices, const Var& source);

}  // namespace tempera
