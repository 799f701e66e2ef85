#include "layers/linear.h"

#include "core/ops/linear.h"

namespace tempera {

Linear::Linear(Index in, Index out, const LinearOptions& options)
    : weight({out, in}, options.init), activation(options.activation) {
  require(in > 0 && out > 0, "Linear", "the sizes are {} -> {}; both must be positive", in, out);
  if (options.bias) bias = Parameter({out}, Init::zeros(), false);
}

void Linear::visit(ParameterVisitor& v) {
  v("weight", weight);
  v("bias", bias);
}

Var Linear::forward(Context& context, const Var& x) const {
  return linear(x, context[weight], context[bias], activation);
}

}  // namespace tempera
