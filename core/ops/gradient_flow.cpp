#include "core/ops/gradient_flow.h"

#include "core/ops/elementwise.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  // Differences see the value, so `hard` must move as `soft` does: a shift of it, cut off from the tape.
  return {{"a shifted copy",
           {{{3, 4}}},
           [](std::span<const Var> x) { return straight_through(detach(x[0]) + 0.25, x[0]); },
           "(a + 0.25).detach() + a - a.detach()"}};
}

}  // namespace

const Op straight_through_op{"straight_through", examples};

Var detach(const Var& x) {
  return x.tape().constant(x.value());
}

Var straight_through(const Var& hard, const Var& soft) {
  require(hard.shape() == soft.shape() && hard.dtype() == soft.dtype(), straight_through_op.name,
          "hard is {}, but soft is {}; they must be equal", hard.value(), soft.value());
  return Tape::record(straight_through_op, {soft}, hard.value(),
                      [](const Tensor& dy, Gradients& dx) { dx.add(0, dy); });
}

}  // namespace tempera
