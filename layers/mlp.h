// The feed-forward part of a block.
#pragma once

#include <optional>
#include <span>

#include "layers/linear.h"
#include "layers/norm.h"

namespace tempera {

struct MLPOptions {
  std::string_view kind = "gelu";
  Index hidden = 0;  // 0: MLP::default_hidden
  bool bias = true;
  Init init = kTransformerInit;
  Init down_init = kTransformerInit;
};

//   y = down(f(up(x)))                gelu (exact), gelu_tanh, relu, relu2 (max(x, 0)^2, So et al. 2021), silu
//   y = down(f(gate(x)) * up(x))      glu (f = sigmoid), swiglu (silu), geglu (gelu)       (Dauphin 2017; Shazeer 2020)
//   y = down(softmax(up(x)))          memory: up holds keys, down the values of slots; neither has a bias
//   y = norm(down(softmax(up(x))))    memory_norm: with a layer norm, which makes it a match for relu
//                                     (Shen et al. 2023, arXiv 2302.06461)
// x [.., d_model] -> [.., d_model]; up, gate [hidden, d_model], down [d_model, hidden], norm [d_model].
struct MLP : Module {
  MLP(Index d_model, const MLPOptions& options = {});
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x) const;

  static std::span<const std::string_view> kinds();
  // 4 d_model; with a gate 8/3 d_model rounded up to a multiple of 16, so that three matrices hold what two did.
  static Index default_hidden(std::string_view kind, Index d_model);

  std::size_t kind;  // in kinds()
  std::optional<Linear> gate;
  Linear up, down;
  std::optional<LayerNorm> norm;
};

}  // namespace tempera
