// A table of vectors, one per token.
#pragma once

#include "layers/context.h"

namespace tempera {

//   y = weight[tokens]        tokens int32 [..], weight [V, D] -> y [.., D]
// Starts with N(0, deviation^2); no weight decay.
struct Embedding : Module {
  Embedding(Index vocabulary, Index width, double deviation = 0.02);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Tensor& tokens) const;
  // The tied read-out (Press & Wolf 2017): logits = x weight^T        x [.., D] -> [.., V]
  Var logits(Context& context, const Var& x) const;

  Parameter weight;
};

}  // namespace tempera
