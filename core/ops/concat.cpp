#include "core/ops/concat.h"

#include <limits>

#include "core/axis.h"
#include "core/kernels/strided.h"

namespace tempera {
namespace {

// Where x_k lies in y: `width` neighbours in each of the `outer` rows of y, which are `row` long.
struct Part {
  Index outer, row, first, width;
  Strided loops() const {
    Strided result;
    result.to_first = first;
    return result.loop(outer, width, row).loop(width, 1, 1);
  }
};

void check_dtypes(const Op& op, std::span<const Var> xs) {
  require(!xs.empty(), op.name, "no input came; at least one was wanted");
  for (std::size_t k = 1; k < xs.size(); ++k)
    require(xs[k].dtype() == xs[0].dtype(), op.name, "input 0 is {}, but input {} is {}; convert one of them",
            xs[0].dtype(), k, xs[k].dtype());
}

// Joins along axis `axis` of y, of which x_k has `extents[k]` entries. The extents lie in a tensor because their
// number is open, and a tensor of the tape costs no heap memory.
Var join(const Op& op, std::span<const Var> xs, int axis, const Shape& shape, const Tensor& extents) {
  Tape& tape = xs[0].tape();
  const AxisView view(shape, axis);
  const auto part = [view](Index first, Index extent) {
    return Part{view.outer, view.extent * view.inner, first * view.inner, extent * view.inner};
  };
  Tensor y = tape.empty(shape, xs[0].dtype());
  Index first = 0;
  for (std::size_t k = 0; k < xs.size(); ++k) {
    const Index extent = extents.data<std::int32_t>()[k];
    strided_move(part(first, extent).loops(), xs[k].value(), y, false, tape.threads());
    first += extent;
  }
  return Tape::record(op, xs, std::move(y),
                      [part, extents, from = xs[0].shape(), axis](const Tensor& dy, Gradients& dx) {
                        Index start = 0;
                        for (int k = 0; k < extents.size(); ++k) {
                          const Index extent = extents.data<std::int32_t>()[k];
                          const Part here = part(start, extent);
                          start += extent;
                          if (!dx.wanted(k)) continue;
                          if (here.outer == 1) {
                            const bool stacked = from.rank() < dy.rank();
                            dx.add(k, dy.view(here.first, stacked ? from : from.with(axis, extent)));
                            continue;
                          }
                          Into to = dx.into(k);
                          strided_move(here.loops().reversed(), dy, to.grad, to.add, dx.tape().threads());
                        }
                      });
}

std::vector<Example> concat_examples() {
  const auto along = [](int axis) { return [axis](std::span<const Var> x) { return concat(x, axis); }; };
  return {
      {"rows", {{{2, 5}}, {{3, 5}}}, along(0), "torch.cat([a, b], 0)"},
      {"columns", {{{3, 2}}, {{3, 17}}, {{3, 1}}}, along(-1), "torch.cat([a, b, c], -1)"},
      {"middle axis", {{{2, 1, 3}}, {{2, 4, 3}}}, along(1), "torch.cat([a, b], 1)"},
      {"one input", {{{2, 3}}}, along(1), "torch.cat([a], 1)"},
  };
}

std::vector<Example> stack_examples() {
  const auto along = [](int axis) { return [axis](std::span<const Var> x) { return stack(x, axis); }; };
  return {
      {"first axis", {{{2, 5}}, {{2, 5}}}, along(0), "torch.stack([a, b], 0)"},
      {"middle axis", {{{3, 17}}, {{3, 17}}, {{3, 17}}}, along(1), "torch.stack([a, b, c], 1)"},
      {"last axis", {{{3, 7}}, {{3, 7}}}, along(-1), "torch.stack([a, b], -1)"},
  };
}

}  // namespace

const Op concat_op{"concat", concat_examples, 1e-9};
const Op stack_op{"stack", stack_examples, 1e-9};

Var concat(std::span<const Var> xs, int axis) {
  check_dtypes(concat_op, xs);
  axis = checked_axis(axis, xs[0].shape(), concat_op.name);
  const auto count = static_cast<Index>(xs.size());
  Tensor extents = xs[0].tape().empty({count}, DType::int32);
  Index total = 0;
  for (std::size_t k = 0; k < xs.size(); ++k) {
    const Shape& shape = xs[k].shape();
    require(shape.rank() == xs[0].rank() && shape.with(axis, 0) == xs[0].shape().with(axis, 0), concat_op.name,
            "input 0 is {}, but input {} is {}; only axis {} may differ", xs[0].shape(), k, shape, axis);
    total += shape[axis];
    require(total <= std::numeric_limits<std::int32_t>::max(), concat_op.name, "the inputs make {} entries; at most {}",
            total, std::numeric_limits<std::int32_t>::max());
    extents.data<std::int32_t>()[k] = static_cast<std::int32_t>(shape[axis]);
  }
  return join(concat_op, xs, axis, xs[0].shape().with(axis, total), extents);
}

Var stack(std::span<const Var> xs, int axis) {
  check_dtypes(stack_op, xs);
  const Shape& shape = xs[0].shape();
  require(axis >= -shape.rank() - 1 && axis <= shape.rank(), stack_op.name,
          "axis {} is outside [{}, {}] for inputs of shape {}", axis, -shape.rank() - 1, shape.rank(), shape);
  require(shape.rank() < Shape::kMaxRank, stack_op.name, "inputs of shape {} have rank {} already, the most there is",
          shape, shape.rank());
  if (axis < 0) axis += shape.rank() + 1;
  for (std::size_t k = 1; k < xs.size(); ++k)
    require(xs[k].shape() == shape, stack_op.name, "input 0 is {}, but input {} is {}; one shape was wanted", shape, k,
            xs[k].shape());
  const auto count = static_cast<Index>(xs.size());
  Tensor extents = xs[0].tape().empty({count}, DType::int32);
  extents.fill(1);
  return join(stack_op, xs, axis, shape.inserted(axis, count), extents);
}

}  // namespace tempera
