#include "core/ops/broadcast_to.h"

#include "core/axis.h"
#include "core/ops/moved.h"

namespace tempera {
namespace {

std::vector<Example> broadcast_examples() {
  const auto to = [](Shape shape) { return [shape](std::span<const Var> x) { return broadcast_to(x[0], shape); }; };
  return {
      {"a row", {{{17}}}, to({3, 17}), "a.broadcast_to(3, 17)"},
      {"a column", {{{3, 1}}}, to({3, 19}), "a.broadcast_to(3, 19)"},
      {"middle axis", {{{2, 1, 3}}}, to({2, 5, 3}), "a.broadcast_to(2, 5, 3)"},
      {"outer and inner axes", {{{3, 1}}}, to({2, 3, 7}), "a.broadcast_to(2, 3, 7)"},
      {"a scalar", {{{}}}, to({2, 3}), "a.broadcast_to(2, 3)"},
      {"as it is", {{{2, 3}}}, to({2, 3}), "a.broadcast_to(2, 3)"},
  };
}

std::vector<Example> repeat_examples() {
  const auto by = [](Index times, int axis) {
    return [times, axis](std::span<const Var> x) { return repeat(x[0], times, axis); };
  };
  return {
      {"last axis", {{{2, 5}}}, by(3, -1), "a.repeat_interleave(3, -1)"},
      {"middle axis", {{{2, 3, 2}}}, by(2, 1), "a.repeat_interleave(2, 1)"},
      {"once", {{{2, 17}}}, by(1, 0), "a.repeat_interleave(1, 0)"},
  };
}

std::vector<Example> tile_examples() {
  const auto by = [](Index times, int axis) {
    return [times, axis](std::span<const Var> x) { return tile(x[0], times, axis); };
  };
  return {
      {"last axis", {{{2, 5}}}, by(3, -1), "a.tile(1, 3)"},
      {"middle axis", {{{2, 3, 2}}}, by(2, 1), "a.tile(1, 2, 1)"},
      {"once", {{{2, 17}}}, by(1, 0), "a.tile(1, 1)"},
  };
}

// [outer, extent, times, inner] (repeat) or [outer, times, extent, inner] (tile) from [outer, extent, inner].
Var multiplied(const Op& op, const Var& x, Index times, int axis, bool interleaved) {
  axis = checked_axis(axis, x.shape(), op.name);
  require(times >= 0, op.name, "{} times came; 0 or more was wanted", times);
  const AxisView v(x.shape(), axis);
  Strided loops;
  loops.loop(v.outer, v.extent * v.inner, v.extent * times * v.inner);
  if (!interleaved) loops.loop(times, 0, v.extent * v.inner);
  loops.loop(v.extent, v.inner, interleaved ? times * v.inner : v.inner);
  if (interleaved) loops.loop(times, 0, v.inner);
  loops.loop(v.inner, 1, 1);
  return moved(op, x, x.shape().with(axis, v.extent * times), loops, Reads::any);
}

}  // namespace

const Op broadcast_to_op{"broadcast_to", broadcast_examples};
const Op repeat_op{"repeat", repeat_examples};
const Op tile_op{"tile", tile_examples};

Var broadcast_to(const Var& x, const Shape& shape) {
  const Shape& from = x.shape();
  const int extra = shape.rank() - from.rank();
  bool fits = extra >= 0;
  Strided loops;
  for (int k = 0; k < shape.rank() && fits; ++k) {
    const bool moves = k >= extra && from[k - extra] != 1;
    fits = !moves || from[k - extra] == shape[k];
    loops.loop(shape[k], moves ? stride_of(from, k - extra) : 0, stride_of(shape, k));
  }
  require(fits, broadcast_to_op.name,
          "{} does not broadcast to {}; axes line up from the back, and each extent must agree or be 1", from, shape);
  return moved(broadcast_to_op, x, shape, loops, Reads::any);
}

Var repeat(const Var& x, Index times, int axis) {
  return multiplied(repeat_op, x, times, axis, true);
}

Var tile(const Var& x, Index times, int axis) {
  return multiplied(tile_op, x, times, axis, false);
}

}  // namespace tempera
