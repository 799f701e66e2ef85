#include "core/ops/reshape.h"

#include <fmt/ranges.h>

namespace tempera {
namespace {

Var viewed(const Var& x, const Shape& shape) {
  return Tape::record(reshape_op, {x}, x.value().reshaped(shape),
                      [from = x.shape()](const Tensor& dy, Gradients& dx) { dx.add(0, dy.reshaped(from)); });
}

std::vector<Example> examples() {
  return {
      {"matrix",
       {{{4, 6}}},
       [](std::span<const Var> x) {
         return reshape(x[0], Shape{3, 8});
       },
       "a.reshape(3, 8)"},
      {"one extent follows",
       {{{2, 3, 5}}},
       [](std::span<const Var> x) {
         return reshape(x[0], {5, -1});
       },
       "a.reshape(5, -1)"},
      {"to a scalar", {{{1, 1}}}, [](std::span<const Var> x) { return reshape(x[0], {}); }, "a.reshape(())"},
      {"flatten", {{{2, 3, 2, 2}}}, [](std::span<const Var> x) { return flatten(x[0], 1, -2); }, "a.flatten(1, -2)"},
      {"flatten a scalar", {{{}}}, [](std::span<const Var> x) { return flatten(x[0]); }, "a.flatten()"},
      {"squeeze", {{{3, 1, 7}}}, [](std::span<const Var> x) { return squeeze(x[0], 1); }, "a.squeeze(1)"},
      {"unsqueeze", {{{3, 17}}}, [](std::span<const Var> x) { return unsqueeze(x[0], -2); }, "a.unsqueeze(-2)"},
  };
}

}  // namespace

const Op reshape_op{"reshape", examples, 1e-9};

Var reshape(const Var& x, const Shape& shape) {
  require(shape.size() == x.size(), "reshape", "{} holds {} elements, but the new shape {} holds {}", x.shape(),
          x.size(), shape, shape.size());
  return viewed(x, shape);
}

Var reshape(const Var& x, std::initializer_list<Index> extents) {
  require(extents.size() <= Shape::kMaxRank, "reshape", "the new shape [{}] has rank {}; at most {} was wanted",
          fmt::join(extents, ", "), extents.size(), Shape::kMaxRank);
  Index known = 1;
  int open = 0;
  for (Index extent : extents) {
    require(extent >= -1, "reshape", "extent {} came in [{}]; 0 or more was wanted, or one -1", extent,
            fmt::join(extents, ", "));
    if (extent == -1) ++open;
    else known *= extent;
  }
  if (open == 0) return reshape(x, Shape(std::span(extents.begin(), extents.size())));
  require(open == 1, "reshape", "[{}] leaves {} extents open; give all but one", fmt::join(extents, ", "), open);
  require(known > 0 && x.size() % known == 0, "reshape",
          "{} holds {} elements, which does not determine the -1 in [{}]: the other extents make {}", x.shape(),
          x.size(), fmt::join(extents, ", "), known);
  std::array<Index, Shape::kMaxRank> full{};
  std::size_t axis = 0;
  for (Index extent : extents) full[axis++] = extent == -1 ? x.size() / known : extent;
  return viewed(x, Shape(std::span<const Index>(full.data(), axis)));
}

Var flatten(const Var& x, int first, int last) {
  if (x.rank() == 0) return viewed(x, {1});
  first = checked_axis(first, x.shape(), "flatten");
  last = checked_axis(last, x.shape(), "flatten");
  require(first <= last, "flatten", "axis {} to axis {} of shape {} came; the first must not lie behind the last",
          first, last, x.shape());
  Shape shape = x.shape().with(first, x.shape().product(first, last + 1));
  for (int axis = last; axis > first; --axis) shape = shape.without(axis);
  return viewed(x, shape);
}

Var squeeze(const Var& x, int axis) {
  axis = checked_axis(axis, x.shape(), "squeeze");
  require(x.dim(axis) == 1, "squeeze", "axis {} of shape {} has extent {}; only an extent of 1 can go", axis, x.shape(),
          x.dim(axis));
  return viewed(x, x.shape().without(axis));
}

Var unsqueeze(const Var& x, int axis) {
  const int rank = x.rank();
  require(axis >= -rank - 1 && axis <= rank, "unsqueeze", "axis {} is outside [{}, {}] of shape {}", axis, -rank - 1,
          rank, x.shape());
  require(rank < Shape::kMaxRank, "unsqueeze", "shape {} has rank {} already, the most there is; reshape it", x.shape(),
          rank);
  return viewed(x, x.shape().inserted(axis < 0 ? axis + rank + 1 : axis, 1));
}

}  // namespace tempera
