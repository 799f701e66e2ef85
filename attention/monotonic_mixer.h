// Monotonic attention: a cross attention whose heads walk along the memory and never back.
//
//   e_ij = q_i k_j / sqrt(D) + r_h,    p_ij = sigmoid(e_ij)        r_h learned, from `offset`
//   a = monotonic_alignment(p),        o_i = sum_j a_ij v_j        (attention/monotonic_alignment.h)
//
// In training noise N(0, noise^2) is added to e, so that p learns to be 0 or 1; otherwise p_ij = 1 where e_ij >= 0,
// else 0: each head stops at one token of the memory, from where it goes on, and a head that ran off the end gives
// zeros. With `chunk` above 1 a head sees the softmax, by a second pair of projections, over so many tokens that end
// where it stopped. Raffel et al. 2017 (arXiv 1704.00784), Chiu & Raffel 2018 (1712.05382); several heads in a
// transformer, for Zhao et al. 2022 (arXiv 2209.15176).
//
// head_drop: in training each head of each sample is left out with this probability, at least one stays, and the rest
// is scaled up by H / kept: heads learn to agree. quantity_loss adds mean over samples of |sum a / H - N| / N to the
// loss, with N the tokens of the target, as the metric `quantity`: every query is to stop somewhere.
#pragma once

#include "attention/multi_head.h"

namespace tempera {

struct MonotonicOptions : MultiHeadOptions {
  double offset = -1;
  double noise = 1;
  int chunk = 1;
  double head_drop = 0;
  double quantity_loss = 0;

  void describe(Fields& f) override;
  AttentionTraits traits() const override;
  std::unique_ptr<TokenMixer> make(const AttentionPlace& place) const override;
};

// Names beside those of MultiHead: offset [H]; chunk_query, chunk_key where there are chunks.
class MonotonicMixer : public MultiHead {
 public:
  // Throws Error unless the place reads a memory.
  MonotonicMixer(const MonotonicOptions& options, const AttentionPlace& place);
  void visit(ParameterVisitor& v) override;
  std::vector<std::string_view> loss_names() const override;

  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}) const override;
  // Heads go on from where they stopped.
  std::unique_ptr<MixerState> make_cross_state(const Tensor& memory) const override;
  Var cross_step(Context& context, const Var& x, MixerState& state, const Sequences& sequences, const Var& memory,
                 const Tensor& memory_lengths) const override;
  // Throw Error: there is no form without a memory.
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const override;
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const override;

 private:
  struct State;
  // Of all queries, after `before` [B, H, M], which becomes the alignment of the last one; null: from the start.
  Var attend(Context& context, const Var& x, const Sequences& sequences, const Var& memory, const Tensor& lengths,
             Tensor* before) const;
  Var selection(Context& context, const Var& q, const Var& k, const Tensor& lengths) const;
  Tensor kept_heads(Context& context, Index batch, DType dtype) const;
  void add_quantity_loss(Context& context, const Var& alignment, const Tensor& target_lengths) const;

  MonotonicOptions options_;
  Parameter offset_;
  std::unique_ptr<Linear> chunk_query_, chunk_key_;
};

}  // namespace tempera
