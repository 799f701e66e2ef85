#include "layers/pooling.h"

#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/reductions.h"
#include "core/ops/reshape.h"
#include "core/ops/slice.h"
#include "layers/padding.h"

namespace tempera {
namespace {

Var mean_of(Context& context, const Var& x, const Tensor& lengths) {
  if (!lengths.defined()) return mean(x, 1);
  Tensor share = context.tape().empty({x.dim(0), 1}, x.dtype());
  for (Index b = 0; b < x.dim(0); ++b) share.set(b, 1 / std::max(1.0, lengths.at(b)));
  return sum(without_padding(context, x, lengths), 1) * context.tape().constant(share);
}

Var last_of(Context& context, const Var& x, const Tensor& lengths) {
  const Index batch = x.dim(0), length = x.dim(1);
  if (!lengths.defined()) return squeeze(slice(x, 1, length - 1, 1), 1);
  Tensor rows = context.tape().empty({batch}, DType::int32);
  for (Index b = 0; b < batch; ++b) rows.set(b, static_cast<double>(b * length) + std::max(0.0, lengths.at(b) - 1));
  return index_select(reshape(x, Shape{batch * length, x.dim(2)}), 0, rows);
}

}  // namespace

Var pool(Context& context, const Var& x, const Tensor& lengths, Pooling pooling) {
  require(x.rank() == 3 && x.dim(1) > 0, "pool", "the sequences are {}; [B, N, D] with N > 0 was wanted", x.shape());
  check_lengths(lengths, x.dim(0), x.dim(1), "pool");
  switch (pooling) {
    case Pooling::mean: return mean_of(context, x, lengths);
    case Pooling::first: return squeeze(slice(x, 1, 0, 1), 1);
    case Pooling::last: return last_of(context, x, lengths);
  }
  fail("pool", "there is no pooling number {}", static_cast<int>(pooling));
}

}  // namespace tempera
