#include "core/ops/permute.h"

#include <fmt/ranges.h>
#include <numeric>

#include "core/ops/moved.h"
#include "core/ops/reshape.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  return {
      {"transpose", {{{3, 19}}}, [](std::span<const Var> x) { return transpose(x[0]); }, "a.transpose(0, 1)"},
      {"tiles and tails", {{{17, 18}}}, [](std::span<const Var> x) { return transpose(x[0]); }, "a.transpose(0, 1)"},
      {"heads",
       {{{2, 5, 3, 2}}},
       [](std::span<const Var> x) {
         return permute(x[0], {0, 2, 1, 3});
       },
       "a.permute(0, 2, 1, 3)"},
      {"batched transpose",
       {{{2, 3, 7}}},
       [](std::span<const Var> x) { return transpose(x[0], -1, -2); },
       "a.transpose(-1, -2)"},
      {"rank 5",
       {{{2, 3, 1, 2, 3}}},
       [](std::span<const Var> x) {
         return permute(x[0], {3, -1, 0, 2, 1});
       },
       "a.permute(3, -1, 0, 2, 1)"},
      {"only ones move",
       {{{1, 5, 1}}},
       [](std::span<const Var> x) { return transpose(x[0], 0, 1); },
       "a.transpose(0, 1)"},
      {"a scalar", {{{}}}, [](std::span<const Var> x) { return permute(x[0], {}); }, "a.permute(())"},
  };
}

}  // namespace

const Op permute_op{"permute", examples, 1e-9};

Var permute(const Var& x, std::span<const Index> order) {
  const Shape& from = x.shape();
  bool valid = static_cast<int>(order.size()) == from.rank();
  std::array<int, Shape::kMaxRank> axis_of{};
  std::array<bool, Shape::kMaxRank> used{};
  for (std::size_t k = 0; k < order.size() && valid; ++k) {
    const Index axis = order[k] < 0 ? order[k] + from.rank() : order[k];
    valid = axis >= 0 && axis < from.rank() && !std::exchange(used[static_cast<std::size_t>(axis)], true);
    axis_of[k] = static_cast<int>(axis);
  }
  require(valid, permute_op.name, "the order [{}] came for shape {}; each of its {} axes was wanted once",
          fmt::join(order, ", "), from, from.rank());
  Shape to = from;
  int before = -1;
  bool moves = false;
  for (int k = 0; k < from.rank(); ++k) {
    const int axis = axis_of[static_cast<std::size_t>(k)];
    to.set(k, from[axis]);
    if (from[axis] == 1) continue;
    moves = moves || axis < before;
    before = axis;
  }
  if (!moves) return reshape(x, to);
  Strided loops;
  for (int k = 0; k < from.rank(); ++k)
    loops.loop(to[k], stride_of(from, axis_of[static_cast<std::size_t>(k)]), stride_of(to, k));
  return moved(permute_op, x, to, loops, Reads::once);
}

Var transpose(const Var& x, int axis_a, int axis_b) {
  axis_a = checked_axis(axis_a, x.shape(), "transpose");
  axis_b = checked_axis(axis_b, x.shape(), "transpose");
  std::array<Index, Shape::kMaxRank> order{};
  std::iota(order.begin(), order.end(), Index{0});
  std::swap(order[static_cast<std::size_t>(axis_a)], order[static_cast<std::size_t>(axis_b)]);
  return permute(x, std::span<const Index>(order.data(), static_cast<std::size_t>(x.rank())));
}

}  // namespace tempera
