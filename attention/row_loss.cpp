#include "attention/row_loss.h"

#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"

namespace tempera {

Tensor token_shares(Tape& tape, Index batch, Index tokens, const Tensor& lengths, DType dtype) {
  Tensor shares = tape.zeros({batch, tokens, 1}, dtype);
  const auto length = [&](Index b) { return lengths.defined() ? static_cast<Index>(lengths.at(b)) : tokens; };
  Index count = 0;
  for (Index b = 0; b < batch; ++b) count += length(b);
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < length(b); ++i) shares.set(b * tokens + i, 1 / static_cast<double>(count));
  return shares;
}

void add_row_loss(Context& context, const std::array<Var, 3>& packed, Index heads, Index kv_heads,
                  const ScoreAttention& how, const Tensor& lengths) {
  const RowLoss* const loss = how.normalizer->row_loss();
  if (!loss || !context.training()) return;
  Tape& tape = context.tape();
  const Var &q = packed[0], &k = packed[1];
  Tensor ones = tape.empty({k.dim(0), k.dim(1), kv_heads}, k.dtype());
  ones.fill(1);
  ScoreAttention rows = how;
  rows.normalizer = loss->rows;
  const std::array<Var, 3> sources{q, k, tape.constant(ones)};
  const Var losses = packed_score_attention(sources, heads, kv_heads, rows);  // [B, N, H]
  const Var shares = tape.constant(token_shares(tape, q.dim(0), q.dim(1), lengths, q.dtype()));
  context.add_loss(loss->name, sum(losses * shares) / static_cast<double>(heads), loss->weight);
}

}  // namespace tempera
