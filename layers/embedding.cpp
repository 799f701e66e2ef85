#include "layers/embedding.h"

#include "core/ops/embedding.h"
#include "core/ops/linear.h"

namespace tempera {

Embedding::Embedding(Index vocabulary, Index width, double deviation)
    : weight({vocabulary, width}, Init::normal(deviation), false) {
  require(vocabulary > 0 && width > 0, "Embedding", "the table is {} x {}; both must be positive", vocabulary, width);
}

void Embedding::visit(ParameterVisitor& v) {
  v("weight", weight);
}

Var Embedding::forward(Context& context, const Tensor& tokens) const {
  return embedding(context[weight], tokens);
}

Var Embedding::logits(Context& context, const Var& x) const {
  return linear(x, context[weight]);
}

}  // namespace tempera
