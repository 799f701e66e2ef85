// Entries replaced by a constant: by a mask, or on one side of a diagonal.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op masked_fill_op;
extern const Op triangle_op;

//   y = value where mask != 0, x elsewhere;     dx = 0 where mask != 0, dy elsewhere (exactly 0, even if dy is not
//   finite)
// mask: int32; it broadcasts to the shape of x. Throws Error where it does not.
Var masked_fill(const Var& x, const Tensor& mask, double value);

//   tril: y[.., i, j] = x[.., i, j] if j - i <= diagonal else 0;     dx = tril(dy)
//   triu: y[.., i, j] = x[.., i, j] if j - i >= diagonal else 0;     dx = triu(dy)
// x: [.., n, m], rank >= 2. The diagonal above the main one is 1, the one below it -1.
Var tril(const Var& x, Index diagonal = 0);
Var triu(const Var& x, Index diagonal = 0);

//   mask[i, j] = 1 if j - i > m - n else 0      int32 [n, m]
// What masked_fill(scores, causal_mask(n, m), -inf) hides from n queries over m keys: the future. The last query sees
// every key, so with m > n the queries are the last n of m positions, as in decoding with a cache.
Tensor causal_mask(Index n, Index m, const std::shared_ptr<Pool>& pool = nullptr);

}  // namespace tempera
