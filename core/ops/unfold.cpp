#include "core/ops/unfold.h"

#include "core/axis.h"
#include "core/ops/moved.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  const auto windows = [](int axis, Index window, Index step) {
    return [=](std::span<const Var> x) { return unfold(x[0], axis, window, step); };
  };
  return {
      {"overlapping", {{{2, 7}}}, windows(-1, 3, 1), "a.unfold(-1, 3, 1)"},
      {"side by side, with a rest", {{{2, 19}}}, windows(1, 3, 3), "a.unfold(1, 3, 3)"},
      {"with gaps", {{{11}}}, windows(0, 2, 4), "a.unfold(0, 2, 4)"},
      {"middle axis", {{{2, 6, 3}}}, windows(1, 4, 2), "a.unfold(1, 4, 2)"},
      {"one window", {{{3, 17}}}, windows(1, 17, 1), "a.unfold(1, 17, 1)"},
      {"windows of one", {{{2, 5}}}, windows(1, 1, 1), "a.unfold(1, 1, 1)"},
  };
}

}  // namespace

const Op unfold_op{"unfold", examples};

Var unfold(const Var& x, int axis, Index window, Index step) {
  axis = checked_axis(axis, x.shape(), unfold_op.name);
  const AxisView view(x.shape(), axis);
  require(window >= 1 && window <= view.extent && step >= 1, unfold_op.name,
          "windows of {} in steps of {} came for axis {} of shape {}; 1 <= window <= {} and step >= 1 were wanted",
          window, step, axis, x.shape(), view.extent);
  require(x.rank() < Shape::kMaxRank, unfold_op.name, "shape {} has rank {} already, the most there is; reshape it",
          x.shape(), x.rank());
  const Index count = (view.extent - window) / step + 1;
  Strided loops;
  loops.loop(view.outer, view.extent * view.inner, count * view.inner * window);
  loops.loop(count, step * view.inner, view.inner * window);
  loops.loop(view.inner, 1, window).loop(window, view.inner, 1);
  return moved(unfold_op, x, x.shape().with(axis, count).inserted(x.rank(), window), loops, Reads::any);
}

}  // namespace tempera
