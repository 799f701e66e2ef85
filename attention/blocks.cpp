#include "attention/tiles.h"

namespace tempera::detail {
namespace {

using Reach = NormalizerTraits::Reach;

// Rows of a block and keys of a tile. A row-wise normalizer needs its rows whole. Products of fewer rows lose more by
// packing the keys and values anew for each block than is won by keeping scores in the second-level cache; beyond
// kElements only memory speaks for fewer.
constexpr Index kElements = 512 * 1024;
constexpr Index kTile = 256;

Index rows_of(const AttentionCall& call) {
  const AttentionSizes& s = call.layout.sizes;
  switch (call.normalizer->traits().reach) {
    case Reach::matrix: return std::max<Index>(1, s.queries);
    case Reach::pointwise: return 64;
    case Reach::row: break;
  }
  return std::clamp<Index>(kElements / std::max<Index>(1, s.keys) / 16 * 16, 32, 64);
}

Index cols_of(const AttentionCall& call) {
  const Index keys = std::max<Index>(1, call.layout.sizes.keys);
  return call.normalizer->traits().reach == Reach::pointwise ? std::min(kTile, keys) : keys;
}

Index extra_of(const AttentionCall& call) {
  return call.normalizer->scratch(rows_of(call), cols_of(call));
}

// `saved` [B, H, N, .] stands in for the scratch's own where it is there.
template <class T>
ScoreRows<T> rows_of_block(const Tiling<T>& tiling, const TileScratch<T>& s, const typename Tiling<T>::Block& block,
                           const Tensor& saved) {
  const AttentionSizes& sizes = tiling.sizes();
  ScoreRows<T> rows;
  rows.rows = block.count;
  rows.stride = tiling.stride();
  rows.info = s.info;
  rows.scores = s.tile[0];
  rows.saved = s.saved;
  if (saved.defined())
    rows.saved = const_cast<Tensor&>(saved).data<T>() +
                 ((block.b * sizes.heads + block.h) * sizes.queries + block.first) * saved.dim(3);
  rows.scratch = s.extra;
  rows.head = block.h;
  rows.training = tiling.call().training;
  rows.parameters = values_of<T>(tiling.call().normalizer_parameters, block.h);
  return rows;
}

template <class T>
struct BlocksForm {
  const Tiling<T>& tiling;
  const Tensor& saved;
  AttentionGradients& to;

  void begin(const TileScratch<T>&, const typename Tiling<T>::Block&) {}
  const T* weights(const TileScratch<T>& s, const typename Tiling<T>::Block& block, Range tile) {
    ScoreRows<T> rows = rows_of_block(tiling, s, block, saved);
    rows.weights = s.tile[1];
    rows.again = true;
    tiling.call().normalizer->forward(rows);
    tiling.clear_hidden(s, block, tile, s.tile[1]);
    return s.tile[1];
  }
  void gradient(const TileScratch<T>& s, const typename Tiling<T>::Block& block, Range) {
    ScoreRows<T> rows = rows_of_block(tiling, s, block, saved);
    rows.weights = s.tile[1];
    ScoreGradients<T> gradients{s.tile[2], s.tile[2], gradients_of<T>(to.normalizer_parameters, block.b, block.h)};
    tiling.call().normalizer->backward(rows, gradients);
  }
};

template <class T>
void forward_block(const Tiling<T>& tiling, TileScratch<T>& s, Index b, Index h, Index number, const Tensor& saved,
                   Tensor& y) {
  const AttentionCall& call = tiling.call();
  const AttentionSizes& sizes = tiling.sizes();
  const auto v = call.layout.v.of<const T>(tiling.source(call.layout.v));
  const auto o = call.layout.o.of<T>(y);
  const auto block = tiling.block(s, b, h, number);
  if (block.seen.count() == 0) fill_rows(o, b, h, block.first, block.count, sizes.value_width);
  bool first = true;
  tiling.each_tile(s, block, [&](Range tile) {
    tiling.scores(s, block, tile, s.tile[0]);
    ScoreRows<T> rows = rows_of_block(tiling, s, block, saved);
    rows.weights = s.tile[0];
    call.normalizer->forward(rows);
    tiling.clear_hidden(s, block, tile, s.tile[0]);
    tiling.gemm(s, kernels::Transpose::no, kernels::Transpose::no, block.count, sizes.value_width, tile.count(), 1,
                s.tile[0], tiling.stride(), v(b, h / sizes.group(), tile.first), v.row,
                std::exchange(first, false) ? T(0) : T(1), o(b, h, block.first), o.row);
  });
}

}  // namespace

Tensor blocks_forward(const AttentionCall& call, Tape& tape, Tensor& saved) {
  const AttentionSizes& sizes = call.layout.sizes;
  Tensor y = tape.empty(call.layout.output, call.sources[0].dtype());
  dispatch(y.dtype(), [&]<class T>(Type<T>) {
    const Index rows = rows_of(call), per_head = (sizes.queries + rows - 1) / rows;
    const Index units = sizes.batch * sizes.heads * per_head;
    const Tiling<T> tiling(call, tape, rows, cols_of(call), 1, call.normalizer->traits().saved, units, extra_of(call));
    parallel_units(tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      const Index head = unit / per_head;
      forward_block(tiling, s, head / sizes.heads, head % sizes.heads, unit % per_head, saved, y);
    });
  });
  return y;
}

void blocks_backward(const AttentionCall& call, Tape& tape, const Tensor& saved, const Tensor& dy,
                     AttentionGradients& to) {
  const AttentionSizes& sizes = call.layout.sizes;
  dispatch(dy.dtype(), [&]<class T>(Type<T>) {
    const Index units = sizes.batch * sizes.kv_heads;
    const Tiling<T> tiling(call, tape, rows_of(call), cols_of(call), 3, 0, units, extra_of(call));
    parallel_units(tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      BlocksForm<T> form{tiling, saved, to};
      backward_unit(tiling, s, form, dy, to, unit / sizes.kv_heads, unit % sizes.kv_heads);
    });
  });
}

}  // namespace tempera::detail
