// A block of a transformer: tokens are mixed, then features, each on top of a residual stream.
#pragma once

#include <optional>

#include "layers/mlp.h"
#include "layers/model.h"
#include "layers/norm.h"
#include "layers/pooling.h"
#include "layers/transformer_options.h"

namespace tempera {

//   pre-norm:   x = x + f(norm(x))         post-norm:   x = norm(x + f(x))
// for f = attention, then cross attention where there is one, then the MLP; each f is followed by dropout. What f gives
// may be scaled by a learned vector before (layer_scale: Touvron et al. 2021, arXiv 2103.17239), and that of an
// attention be normed before that (attention_norm: the hybrid norm of Ramapuram et al. 2024, arXiv 2409.04431). Turner
// 2023, "An Introduction to Transformers"; pre-norm Xiong et al. 2020. Names: attention, norm1, mlp, norm2; with cross
// attention attention, norm1, cross_attention, norm2, mlp, norm3, as in PyTorch's decoder layer; scale1, scale2, .. and
// attention_norm, cross_norm.
struct Block : Module {
  // `layers` is the depth of the whole stack, for the start of the MLP's last matrix; the mixers see to their own.
  // `cross` may be null.
  Block(const TransformerOptions& options, int layers, std::unique_ptr<TokenMixer> attention,
        std::unique_ptr<TokenMixer> cross = nullptr);
  void visit(ParameterVisitor& v) override;

  // x [B, N, d_model]; memory [B, M, d_model] is what the cross attention reads. With `read` the MLP sees but the
  // tokens that it names, and the result is [B, d_model]: the same features for a part of the work.
  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}, const std::optional<TokenRead>& read = {}) const;
  // Decoding: the states of its mixers, and the next tokens on top of them. `memory` as in forward().
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype, const Tensor& memory = {}) const;
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences, const Var& memory = {},
           const Tensor& memory_lengths = {}) const;

  std::unique_ptr<TokenMixer> attention, cross;
  std::unique_ptr<Norm> norm1, norm2, norm3;
  std::unique_ptr<Norm> attention_norm, cross_norm;  // null: none
  Parameter scale1, scale2, scale3;                  // [d_model]; absent: none
  MLP mlp;
  double dropout;
  bool pre_norm, recompute;

 private:
  struct State;
  // Residual branches of the attention, of the cross attention, and the MLP.
  template <class Attend, class Cross>
  Var through(Context& context, const Var& x, const Attend& attend, const Cross& attend_memory,
              const std::optional<TokenRead>& read = {}) const;
  // A branch by its place, 1, 2 or 3: its norm, scale and dropout.
  struct Branch {
    std::string_view norm_name, dropout_name;
    const Norm* norm;
    const Parameter* scale;
  };
  Branch branch(int place) const;
  template <class F>
  Var residual(Context& context, const Var& x, const Branch& branch, const F& f) const;
};

// Blocks one after another, and a last norm where they are pre-norm.
struct Stack : Module {
  // n_layers blocks from the place `first` on; `first.cross`: each has a cross attention too.
  Stack(const TransformerOptions& options, const MixerFactory& mixers, const MixerPlace& first = {});
  void visit(ParameterVisitor& v) override;

  // `read` is for the last block; the result is [B, d_model] then.
  Var forward(Context& context, Var x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}, const std::optional<TokenRead>& read = {}) const;
  using States = std::vector<std::unique_ptr<MixerState>>;
  States make_states(Index batch, Index capacity, DType dtype, const Tensor& memory = {}) const;
  Var step(Context& context, Var x, States& states, const Sequences& sequences, const Var& memory = {},
           const Tensor& memory_lengths = {}) const;

  std::vector<std::unique_ptr<Block>> blocks;
  std::unique_ptr<Norm> norm;

 private:
  template <class F>
  Var each(Context& context, Var x, const F& f) const;
};

}  // namespace tempera
