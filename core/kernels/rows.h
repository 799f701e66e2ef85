// Looking rows up by index, and the sum that is its gradient.
//
// x is seen as [outer, extent, inner] around one axis; an index picks a row of `inner` neighbours.
#pragma once

#include <string_view>

#include "core/axis.h"
#include "core/tape.h"

namespace tempera {

// Throws Error(who, ...) with position and value unless `indices` is int32 and every entry lies in [0, extent).
void check_indices(const Tensor& indices, Index extent, std::string_view who);

// y[o, k, :] = x[o, indices[k], :];  y is [outer, indices.size(), inner]
void take_rows(const Tensor& x, const AxisView& view, const Tensor& indices, Tensor& y, int threads);

// dx[o, e, :] (+)= sum of dy[o, k, :] over all k with indices[k] == e, except where e == skipped.
// The k are sorted by index first, so each row of dx is written once, by one thread, in the order of k, summed in
// float64.
void sum_rows(const Tensor& dy, const AxisView& view, const Tensor& indices, Index skipped, const Into& to, Tape& tape);

}  // namespace tempera
