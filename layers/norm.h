// Norms over the features of a token.
#pragma once

#include <span>

#include "layers/context.h"

namespace tempera {

// x [.., D] -> [.., D]
class Norm : public Module {
 public:
  virtual Var forward(Context& context, const Var& x) const = 0;
};

//   y = weight (x - mean x) / sqrt(var x + eps) + bias            (Ba et al. 2016; see core/ops/layer_norm.h)
struct LayerNorm : Norm {
  explicit LayerNorm(Index width, double eps = 1e-5, bool bias = true);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x) const override;

  Parameter weight, bias;
  double eps;
};

//   y = weight x / sqrt(mean x^2 + eps)                           (Zhang & Sennrich 2019)
struct RMSNorm : Norm {
  explicit RMSNorm(Index width, double eps = 1e-5);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x) const override;

  Parameter weight;
  double eps;
};

// "layer" and "rms", for options.
std::span<const std::string_view> norm_names();
// `bias` as in LayerNorm. Throws Error for another name.
std::unique_ptr<Norm> make_norm(std::string_view name, Index width, double eps, bool bias);

// Query-key norm: queries and keys are normalised over the width of their head before the scores are taken, which
// bounds the scores (Henry et al. 2020; Dehghani et al. 2023).
//   query, key [.., D], one weight [D] each, shared by the heads
struct QKNorm : Module {
  QKNorm(std::string_view norm, Index head_width, double eps = 1e-5);
  void visit(ParameterVisitor& v) override;

  struct Pair {
    Var query, key;
  };
  Pair forward(Context& context, const Var& q, const Var& k) const;

  std::unique_ptr<Norm> query, key;
};

}  // namespace tempera
