#include "core/ops/outer.h"

#include "core/ops/reshape.h"
#include "core/pointwise.h"

namespace tempera {
namespace {

std::vector<Example> examples() {
  const auto call = [](std::span<const Var> x) { return outer(x[0], x[1]); };
  return {
      {"vectors", {{{3}}, {{19}}}, call, "torch.outer(a, b)"},
      {"batches", {{{2, 5}}, {{2, 4}}}, call, "a[..., :, None] * b[..., None, :]"},
      {"a batch and a vector", {{{2, 3}}, {{7}}}, call, "a[..., :, None] * b[..., None, :]"},
      {"one element", {{{1}}, {{1}}}, call, "torch.outer(a, b)"},
  };
}

}  // namespace

const Op outer_op{"outer", examples};

Var outer(const Var& a, const Var& b) {
  require(a.rank() > 0 && b.rank() > 0, outer_op.name, "shapes {} and {} came; vectors or batches of them were wanted",
          a.shape(), b.shape());
  return pointwise(
      outer_op, [](auto x, auto y) { return x * y; }, unsqueeze(a, -1), unsqueeze(b, -2));
}

}  // namespace tempera
