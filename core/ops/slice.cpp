#include "core/ops/slice.h"

#include <fmt/ranges.h>

#include "core/axis.h"
#include "core/ops/moved.h"

namespace tempera {
namespace {

// The part is one piece of memory, and so is the place of its gradient.
Var piece(const Var& x, const Shape& shape, Index offset) {
  return Tape::record(slice_op, {x}, x.value().view(offset, shape), [offset](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    if (!to.add) to.grad.fill(0);
    Tensor place = to.grad.view(offset, dy.shape());
    strided_move(Strided().loop(dy.size(), 1, 1), dy, place, to.add, dx.tape().threads());
  });
}

std::vector<Example> examples() {
  return {
      {"rows", {{{7, 3}}}, [](std::span<const Var> x) { return slice(x[0], 0, 2, 4); }, "a[2:6]"},
      {"columns", {{{3, 19}}}, [](std::span<const Var> x) { return narrow(x[0], -1, 1, 17); }, "a.narrow(-1, 1, 17)"},
      {"every other", {{{2, 7, 3}}}, [](std::span<const Var> x) { return slice(x[0], 1, 1, 3, 2); }, "a[:, 1:7:2]"},
      {"step on the last axis",
       {{{2, 11}}},
       [](std::span<const Var> x) { return slice(x[0], 1, 0, 4, 3); },
       "a[:, 0:12:3]"},
      {"the second of five parts",
       {{{3, 5}}},
       [](std::span<const Var> x) { return chunk<5>(x[0], 1)[1]; },
       "a[:, 1:2]"},
  };
}

}  // namespace

const Op slice_op{"slice", examples, 1e-9};

Var slice(const Var& x, int axis, Index first, Index count, Index step) {
  axis = checked_axis(axis, x.shape(), slice_op.name);
  const Index extent = x.dim(axis);
  require(
      first >= 0 && count >= 0 && step >= 1 && first <= extent &&
          (count == 0 || (first < extent && count - 1 <= (extent - 1 - first) / step)),
      slice_op.name,
      "{} entries from {} in steps of {} came; first >= 0, step >= 1 and no entry beyond {} were wanted for axis {} "
      "of shape {}",
      count, first, step, extent, axis, x.shape());
  const AxisView view(x.shape(), axis);
  const Shape shape = x.shape().with(axis, count);
  if (view.outer == 1 && step == 1) return piece(x, shape, first * view.inner);
  Strided loops;
  loops.from_first = first * view.inner;
  loops.loop(view.outer, view.extent * view.inner, count * view.inner);
  loops.loop(count, step * view.inner, view.inner).loop(view.inner, 1, 1);
  return moved(slice_op, x, shape, loops, Reads::some);
}

std::vector<Var> split(const Var& x, std::span<const Index> sizes, int axis) {
  axis = checked_axis(axis, x.shape(), "split");
  Index total = 0;
  for (Index size : sizes) total += size;
  require(total == x.dim(axis), "split", "the sizes [{}] add up to {}, but axis {} of shape {} has extent {}",
          fmt::join(sizes, ", "), total, axis, x.shape(), x.dim(axis));
  std::vector<Var> parts;
  parts.reserve(sizes.size());
  Index first = 0;
  for (Index size : sizes) {
    parts.push_back(slice(x, axis, first, size));
    first += size;
  }
  return parts;
}

}  // namespace tempera
