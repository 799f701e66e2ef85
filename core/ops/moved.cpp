#include "core/ops/moved.h"

namespace tempera {

Var moved(const Op& op, const Var& x, const Shape& shape, const Strided& loops, Reads reads) {
  Tape& tape = x.tape();
  Tensor y = tape.empty(shape, x.dtype());
  strided_move(loops, x.value(), y, false, tape.threads());
  return Tape::record(op, {x}, std::move(y), [back = loops.reversed(), reads](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    const int threads = dx.tape().threads();
    if (reads == Reads::any) {
      Tensor sums = dx.empty(to.grad.shape(), DType::float64);
      return strided_sum(back, dy, to.grad, sums, to.add, threads);
    }
    if (reads == Reads::some && !to.add) to.grad.fill(0);
    strided_move(back, dy, to.grad, to.add, threads);
  });
}

}  // namespace tempera
