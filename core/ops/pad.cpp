#include "core/ops/pad.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/kernels/strided.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  return {
      {"a margin",
       {{{2, 3}}},
       [](std::span<const Var> x) {
         return pad(x[0], {1, 2}, {0, 1}, 0.5);
       },
       "F.pad(a, (2, 1, 1, 0), value=0.5)"},
      {"last axis", {{{3, 17}}}, [](std::span<const Var> x) { return pad_axis(x[0], -1, 3, 0); }, "F.pad(a, (3, 0))"},
      {"middle axis",
       {{{2, 3, 2}}},
       [](std::span<const Var> x) { return pad_axis(x[0], 1, 1, 2, -1); },
       "F.pad(a, (0, 0, 1, 2), value=-1)"},
      {"no margin",
       {{{5, 1}}},
       [](std::span<const Var> x) {
         return pad(x[0], {0, 0}, {0, 0});
       },
       "F.pad(a, (0, 0, 0, 0))"},
  };
}

}  // namespace

const Op pad_op{"pad", examples, 1e-9};

Var pad(const Var& x, std::span<const Index> before, std::span<const Index> after, double value) {
  const Shape& from = x.shape();
  const auto rank = static_cast<std::size_t>(from.rank());
  const auto counts = [](Index n) { return n >= 0; };
  require(before.size() == rank && after.size() == rank && std::all_of(before.begin(), before.end(), counts) &&
              std::all_of(after.begin(), after.end(), counts),
          pad_op.name, "margins [{}] before and [{}] after came for shape {}; a count >= 0 per axis was wanted",
          fmt::join(before, ", "), fmt::join(after, ", "), from);
  Shape to = from;
  for (std::size_t k = 0; k < rank; ++k) to.set(static_cast<int>(k), before[k] + from[static_cast<int>(k)] + after[k]);
  Strided loops;
  for (int k = 0; k < from.rank(); ++k) {
    loops.loop(from[k], stride_of(from, k), stride_of(to, k));
    loops.to_first += before[static_cast<std::size_t>(k)] * stride_of(to, k);
  }
  Tape& tape = x.tape();
  Tensor y = tape.empty(to, x.dtype());
  if (to != from) y.fill(value);
  strided_move(loops, x.value(), y, false, tape.threads());
  return Tape::record(pad_op, {x}, std::move(y), [back = loops.reversed()](const Tensor& dy, Gradients& dx) {
    Into into = dx.into(0);
    strided_move(back, dy, into.grad, into.add, dx.tape().threads());
  });
}

Var pad_axis(const Var& x, int axis, Index before, Index after, double value) {
  axis = checked_axis(axis, x.shape(), pad_op.name);
  std::array<Index, Shape::kMaxRank> first{}, last{};
  first[static_cast<std::size_t>(axis)] = before;
  last[static_cast<std::size_t>(axis)] = after;
  const auto rank = static_cast<std::size_t>(x.rank());
  return pad(x, std::span<const Index>(first.data(), rank), std::span<const Index>(last.data(), rank), value);
}

}  // namespace tempera
