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

// Which token of each sequence is read in the end, where it is one: after the last mixing of tokens the others need no
// features any more.
struct TokenRead {
  Pooling pooling;  // first or last
  Tensor lengths;   // as in pool()
};

}  // namespace tempera
