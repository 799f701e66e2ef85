// One vector for a sequence.
#pragma once

#include <span>

#include "layers/context.h"

namespace tempera {

//   mean:  y[b] = sum_{n < lengths[b]} x[b, n] / lengths[b]       0 for an empty sequence
//   first: y[b] = x[b, 0]                                         the class token, where there is one
//   last:  y[b] = x[b, lengths[b] - 1]                            the first token for an empty sequence
// x [B, N, D] -> [B, D]; undefined lengths: all N. What lies beyond the lengths changes nothing.
enum class Pooling { mean, first, last };
Var pool(Context& context, const Var& x, const Tensor& lengths, Pooling pooling);

}  // namespace tempera
