// What mixes tokens in a block: attention, a recurrence, a convolution.
#pragma once

#include <memory>
#include <span>

#include "layers/context.h"

namespace tempera {

// The sequences of a batch. Everything a mixer may have to know beside the values.
struct Sequences {
  // True lengths, int32 [B]; undefined: all of full length. What lies beyond is padding and is never seen.
  Tensor lengths = {};
  bool causal = false;
  Index prefix = 0;  // the first tokens that all may see in spite of `causal` (prefix language models)
  Index start = 0;   // position of the first token: while decoding, the count of tokens that went before
};

// What a mixer keeps between decoding steps; each kind has its own.
class MixerState {
 public:
  virtual ~MixerState() = default;
  // Sequence i goes on from where sequence rows[i] stands; there are rows.size() of them then, more or fewer than
  // before. For beams, which fork and end, and for many samples of one prompt. See rows_of (layers/rows_of.h).
  virtual void reorder(std::span<const Index> rows) = 0;
};

class TokenMixer : public Module {
 public:
  // x [B, N, d_model] -> [B, N, d_model]. `memory` [B, M, d_model] is what a cross attention reads instead of x, with
  // `memory_lengths` as its true lengths; undefined otherwise. Mixers that weigh tokens show the weights to the
  // context's observer, where it has one.
  virtual Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
                      const Tensor& memory_lengths = {}) const = 0;

  // Decoding: an empty state for B sequences of up to `capacity` tokens, and the forward pass of the next tokens on
  // top of what the state holds. The outputs equal those of the full pass.
  virtual std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const = 0;
  virtual Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const = 0;

  // Decoding through a cross attention whose queries go on from where those before them stood: its state, and the
  // forward pass of the next queries. Null: queries know nothing of each other, and forward() serves.
  virtual std::unique_ptr<MixerState> make_cross_state([[maybe_unused]] const Tensor& memory) const { return nullptr; }
  virtual Var cross_step(Context& context, const Var& x, [[maybe_unused]] MixerState& state, const Sequences& sequences,
                         const Var& memory, const Tensor& memory_lengths) const {
    return forward(context, x, sequences, memory, memory_lengths);
  }
};

}  // namespace tempera
