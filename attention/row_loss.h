// The losses that normalizers have for their rows, brought into the loss of training.
#pragma once

#include "attention/score_attention.h"
#include "layers/context.h"

namespace tempera {

//   loss = mean over heads, sequences and the queries within `lengths` of the loss of the row
// given to context.add_loss. `packed` holds queries, keys, values in three parts (attention/score_attention.h), of
// which the values take no part; `how` is what made weights of them. `lengths`: int32 [B], undefined: all queries
// count. Nothing where the normalizer has no such loss, and outside of training.
void add_row_loss(Context& context, const std::array<Var, 3>& packed, Index heads, Index kv_heads,
                  const ScoreAttention& how, const Tensor& lengths);

// int32 lengths [B] as weights [B, N, 1] of the tokens, which sum to 1; zeros where there is no token.
Tensor token_shares(Tape& tape, Index batch, Index tokens, const Tensor& lengths, DType dtype);

}  // namespace tempera
