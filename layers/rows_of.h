// Rows of a tensor in another order: how the states of decoders follow their sequences.
#pragma once

#include <span>

#include "core/tensor.h"

namespace tempera {

//   y[i] = x[rows[i]]        x [B, ..] -> y [rows.size(), ..]
// A copy, also where nothing moves; undefined for an undefined x. Throws Error for a row outside [0, B).
Tensor rows_of(const Tensor& x, std::span<const Index> rows);

}  // namespace tempera
