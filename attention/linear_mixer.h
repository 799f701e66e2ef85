// Multi-head linear attention (attention/linear_attention.h) as a part of a transformer block.
#pragma once

#include "attention/feature_map.h"
#include "attention/linear_attention.h"
#include "attention/multi_head.h"

namespace tempera {

struct LinearMixerOptions : MultiHeadOptions {
  Choice features;
  double eps = 1e-6;

  LinearMixerOptions();
  void describe(Fields& f) override;
  AttentionTraits traits() const override { return {.time = 1, .memory = 1}; }
  std::unique_ptr<TokenMixer> make(const AttentionPlace& place) const override;
};

// Adds the feature map's parameters as features.*. Knows no prefix and no positions of its own.
class LinearMixer : public MultiHead {
 public:
  LinearMixer(const LinearMixerOptions& options, const AttentionPlace& place);
  void visit(ParameterVisitor& v) override;

  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}) const override;
  // The sums over all tokens before: memory that does not grow. `capacity` is not needed.
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const override;
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const override;

 private:
  struct State;
  // Features of queries and keys, and values: [B, heads, tokens, .] each.
  std::array<Var, 3> features(Context& context, const Packed& packed) const;
  Var merged(Context& context, const Var& y) const;

  std::unique_ptr<FeatureMap> map_;
  double eps_;
  bool cross_;
};

}  // namespace tempera
