#include "core/ops/embedding.h"

#include "core/kernels/rows.h"

namespace tempera {
namespace {

Var looked_up(const Op& op, const Var& x, const AxisView& view, const Tensor& indices, const Shape& shape,
              Index skipped) {
  check_indices(indices, view.extent, op.name);
  Tape& tape = x.tape();
  Tensor y = tape.empty(shape, x.dtype());
  take_rows(x.value(), view, indices, y, tape.threads());
  return Tape::record(op, {x}, std::move(y), [view, indices, skipped](const Tensor& dy, Gradients& dx) {
    sum_rows(dy, view, indices, skipped, dx.into(0), dx.tape());
  });
}

std::vector<Example> embedding_examples() {
  const auto call = [](std::span<const Var> x) { return embedding(x[0], x[1].value()); };
  return {
      {"a sentence", {{{5, 3}}, {{7}, 0, 5, Draw::index}}, call, "F.embedding(b, a)"},
      {"a batch, wide rows", {{{3, 19}}, {{2, 4}, 0, 3, Draw::index}}, call, "F.embedding(b, a)"},
      {"one index", {{{4, 2}}, {{}, 0, 4, Draw::index}}, call, "F.embedding(b, a)"},
      {"rows of one", {{{11, 1}}, {{2, 3}, 0, 11, Draw::index}}, call, "F.embedding(b, a)"},
      // The padding row is read, so only indices that avoid it agree with differences.
      {"padding",
       {{{5, 3}}, {{2, 5}, 1, 5, Draw::index}},
       [](std::span<const Var> x) { return embedding(x[0], x[1].value(), 0); },
       "F.embedding(b, a, padding_idx=0)"},
  };
}

std::vector<Example> index_select_examples() {
  const auto along = [](int axis) {
    return [axis](std::span<const Var> x) { return index_select(x[0], axis, x[1].value()); };
  };
  return {
      {"rows", {{{5, 3}}, {{4}, 0, 5, Draw::index}}, along(0), "torch.index_select(a, 0, b)"},
      {"last axis", {{{2, 17}}, {{7}, 0, 17, Draw::index}}, along(-1), "torch.index_select(a, -1, b)"},
      {"middle axis", {{{2, 3, 5}}, {{4}, 0, 3, Draw::index}}, along(1), "torch.index_select(a, 1, b)"},
      {"one element", {{{1, 2}}, {{1}, 0, 1, Draw::index}}, along(0), "torch.index_select(a, 0, b)"},
  };
}

}  // namespace

const Op embedding_op{"embedding", embedding_examples};
const Op index_select_op{"index_select", index_select_examples};

Var embedding(const Var& table, const Tensor& indices, std::optional<Index> padding_index) {
  require(table.rank() == 2, embedding_op.name, "the table is {}; [V, D] was wanted", table.shape());
  require(!padding_index || (*padding_index >= 0 && *padding_index < table.dim(0)), embedding_op.name,
          "padding_index {} is outside [0, {})", padding_index.value_or(-1), table.dim(0));
  require(indices.rank() < Shape::kMaxRank, embedding_op.name, "the indices are {}; rank 0 to {} was wanted",
          indices.shape(), Shape::kMaxRank - 1);
  const Shape shape = indices.shape().inserted(indices.rank(), table.dim(1));
  return looked_up(embedding_op, table, AxisView(table.shape(), 0), indices, shape, padding_index.value_or(-1));
}

Var index_select(const Var& x, int axis, const Tensor& indices) {
  axis = checked_axis(axis, x.shape(), index_select_op.name);
  require(indices.rank() == 1, index_select_op.name, "the indices are {}; rank 1 was wanted, see gather() for more",
          indices.shape());
  return looked_up(index_select_op, x, AxisView(x.shape(), axis), indices, x.shape().with(axis, indices.size()), -1);
}

Tensor one_hot(const Tensor& indices, Index classes, DType dtype, const std::shared_ptr<Pool>& pool) {
  check_indices(indices, classes, "one_hot");
  Tensor y = Tensor::zeros(indices.shape().inserted(indices.rank(), classes), dtype, pool);
  const std::int32_t* index = indices.data<std::int32_t>();
  dispatch_any(dtype, [&]<class T>(Type<T>) {
    T* out = y.data<T>();
    for (Index k = 0; k < indices.size(); ++k) out[k * classes + index[k]] = T(1);
  });
  return y;
}

}  // namespace tempera
