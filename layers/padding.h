// What lies beyond the true lengths of sequences.
#pragma once

#include "layers/context.h"

namespace tempera {

// x [B, N, D] with zeros for tokens >= lengths[b]; x itself where the lengths are undefined. Gradients there are 0,
// even where values are not finite.
Var without_padding(Context& context, const Var& x, const Tensor& lengths);

// Throws Error(who, ...) unless lengths is undefined or int32 [B] with entries in [0, N].
void check_lengths(const Tensor& lengths, Index batch, Index length, std::string_view who);

}  // namespace tempera
