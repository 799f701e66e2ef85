// A recurrence in the place of attention.
#pragma once

#include "layers/token_mixer.h"

namespace tempera {

// One layer of PyTorch's nn.GRU(d_model, d_model), with its names and its start, all uniform in +-1 / sqrt(d_model);
// core/ops/gru.h has the formulas. It reads from left to right, so it is causal whether asked or not, and padding,
// which comes last, is never seen. Takes no memory.
struct GRU : TokenMixer {
  explicit GRU(Index d_model);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}) const override;
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const override;
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const override;

  Parameter weight_ih, bias_ih;  // [3 d_model, d_model], [3 d_model]: rows of r, z, n; of the input
  Parameter weight_hh, bias_hh;  // of the state
};

}  // namespace tempera
