#include "core/ops/roll.h"

#include "core/axis.h"
#include "core/ops/moved.h"

namespace tempera {
namespace {

// The axis as two pieces that change places: its last `shift` entries come first.
void turn(const AxisView& view, Index shift, const Tensor& x, Tensor& y, bool add, int threads) {
  const Index row = view.extent * view.inner, tail = shift * view.inner, head = row - tail;
  Strided first, second;
  first.from_first = head;
  first.loop(view.outer, row, row).loop(tail, 1, 1);
  second.to_first = tail;
  second.loop(view.outer, row, row).loop(head, 1, 1);
  strided_move(first, x, y, add, threads);
  strided_move(second, x, y, add, threads);
}

std::vector<Example> roll_examples() {
  const auto by = [](Index shift, int axis) {
    return [shift, axis](std::span<const Var> x) { return roll(x[0], shift, axis); };
  };
  return {
      {"last axis", {{{3, 19}}}, by(2, -1), "torch.roll(a, 2, -1)"},
      {"back along a middle axis", {{{2, 5, 3}}}, by(-1, 1), "torch.roll(a, -1, 1)"},
      {"more than once around", {{{7, 2}}}, by(10, 0), "torch.roll(a, 10, 0)"},
      {"one element", {{{4, 1}}}, by(1, 1), "torch.roll(a, 1, 1)"},
  };
}

std::vector<Example> flip_examples() {
  const auto over = [](int axis) { return [axis](std::span<const Var> x) { return flip(x[0], axis); }; };
  return {
      {"last axis", {{{3, 19}}}, over(-1), "torch.flip(a, [-1])"},
      {"middle axis", {{{2, 5, 3}}}, over(1), "torch.flip(a, [1])"},
      {"one element", {{{4, 1}}}, over(1), "torch.flip(a, [1])"},
  };
}

}  // namespace

const Op roll_op{"roll", roll_examples, 1e-9};
const Op flip_op{"flip", flip_examples, 1e-9};

Var roll(const Var& x, Index shift, int axis) {
  axis = checked_axis(axis, x.shape(), roll_op.name);
  const AxisView view(x.shape(), axis);
  const Index extent = std::max<Index>(1, view.extent);
  shift = (shift % extent + extent) % extent;
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  turn(view, shift, x.value(), y, false, tape.threads());
  return Tape::record(roll_op, {x}, std::move(y),
                      [view, back = (extent - shift) % extent](const Tensor& dy, Gradients& dx) {
                        Into to = dx.into(0);
                        turn(view, back, dy, to.grad, to.add, dx.tape().threads());
                      });
}

Var flip(const Var& x, int axis) {
  axis = checked_axis(axis, x.shape(), flip_op.name);
  const AxisView view(x.shape(), axis);
  Strided loops;
  loops.from_first = (view.extent - 1) * view.inner;
  loops.loop(view.outer, view.extent * view.inner, view.extent * view.inner);
  loops.loop(view.extent, -view.inner, view.inner).loop(view.inner, 1, 1);
  return moved(flip_op, x, x.shape(), loops, Reads::once);
}

}  // namespace tempera
