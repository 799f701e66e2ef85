// The linear layer.
#pragma once

#include "core/activation.h"
#include "layers/context.h"

namespace tempera {

// What matrices of a transformer start with: N(0, 0.02^2) (Radford et al. 2019).
inline const Init kTransformerInit = Init::normal(0.02);

struct LinearOptions {
  bool bias = true;  // starts at 0
  Activation activation = Activation::none;
  Init init = kTransformerInit;
};

//   y = f(x W^T + b)        x [.., in], weight [out, in], bias [out] -> y [.., out]
struct Linear : Module {
  Linear(Index in, Index out, const LinearOptions& options = {});
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x) const;

  Parameter weight, bias;
  Activation activation;
};

}  // namespace tempera
