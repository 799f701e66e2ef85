// The linear output layer that heads own.
#pragma once

#include "losses/head.h"

namespace tempera {

//   y = x W^T + b            x [.., width] -> [.., outputs];  W [outputs, width], maybe an embedding's;  b [outputs]
// W starts as torch.nn.Linear does, uniform in +-1 / sqrt(width); b at 0.
class OutputLayer : public Module {
 public:
  // Throws Error(who, ...) where the sizes are not above 0 or `tied` has another shape.
  OutputLayer(std::string_view who, const HeadSizes& sizes, bool bias);
  void visit(ParameterVisitor& visitor) override;

  Var operator()(Context& context, const Var& x) const;
  const Var& weight(Context& context) const;
  const Var& bias(Context& context) const;
  Index outputs() const { return outputs_; }

 private:
  Index outputs_;
  const Parameter* tied_;
  Parameter weight_, bias_;
};

}  // namespace tempera
