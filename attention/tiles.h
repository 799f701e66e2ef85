// What the forms of score attention share: where heads lie, blocks of queries by tiles of keys, the products.
#pragma once

#include <optional>

#include "attention/carver.h"
#include "attention/score_attention.h"
#include "core/kernels/gemm.h"
#include "core/parallel.h"

namespace tempera::detail {

// Rows of heads in somebody's memory.
template <class T>
struct HeadView {
  T* at = nullptr;
  Index batch = 0, head = 0, row = 0;  // distances
  T* operator()(Index b, Index h, Index i) const { return at + b * batch + h * head + i * row; }
};

// One of q, k, v: in which input it lies, and how.
struct HeadPart {
  int input = 0;
  Index first = 0, batch = 0, head = 0, row = 0;
  template <class T, class X>
  HeadView<T> of(X& tensor) const {
    return {tensor.template data<std::remove_const_t<T>>() + first, batch, head, row};
  }
};

struct AttentionSizes {
  Index batch = 0, heads = 0, kv_heads = 0, queries = 0, keys = 0, width = 0, value_width = 0;
  Index group() const { return heads / kv_heads; }
};

struct AttentionLayout {
  AttentionSizes sizes;
  HeadPart q, k, v, o;
  Shape output;
  // Not 0: keys and values lie packed, with room for so many of them (attention/key_value_cache.h).
  Index packed_room = 0;
};

using HeadTensors = std::array<Tensor, kMaxHeadParameters>;

// Everything a backward pass needs; no heap memory.
struct AttentionCall {
  AttentionLayout layout;
  const ScoreNormalizer* normalizer = nullptr;
  const ScoreBias* bias = nullptr;
  Visibility visibility;
  double scale = 1;
  bool training = false;
  std::array<Tensor, 3> sources;  // q, k, v lie in them
  HeadTensors normalizer_parameters, bias_parameters;
};

// Where gradients go. Parameters get a part for each sequence and head, [B, H, R], which is summed in order.
struct AttentionGradients {
  std::array<std::optional<Into>, 3> sources;
  HeadTensors normalizer_parameters, bias_parameters;
};

template <class T>
HeadValues<const T> values_of(const HeadTensors& tensors, Index head) {
  HeadValues<const T> result{};
  for (std::size_t p = 0; p < result.size(); ++p) {
    if (!tensors[p].defined()) continue;
    const Index rows = tensors[p].dim(0);  // 1: shared by all heads
    result[p] = tensors[p].data<T>() + (rows == 1 ? 0 : head) * (tensors[p].size() / rows);
  }
  return result;
}
template <class T>
HeadValues<T> gradients_of(HeadTensors& tensors, Index b, Index head) {
  HeadValues<T> result{};
  for (std::size_t p = 0; p < result.size(); ++p)
    if (tensors[p].defined()) result[p] = tensors[p].data<T>() + (b * tensors[p].dim(1) + head) * tensors[p].dim(2);
  return result;
}

// The scratch of one worker: a block of rows, `buffers` tiles of scores, and what is kept for each row.
template <class T>
struct TileScratch {
  Range* seen = nullptr;    // the keys that each row sees
  RowInfo* info = nullptr;  // the same within the current tile
  std::array<T*, 3> tile{};
  T* saved = nullptr;
  T* extra = nullptr;  // of the length that the form, or the normalizer, asks for
  kernels::Workspace workspace;
};

// Blocks of queries of one (sequence, head), and the tiles of keys that they see.
template <class T>
class Tiling {
 public:
  // `saved`: numbers kept for each row; `extra`: numbers of scratch besides.
  Tiling(const AttentionCall& call, Tape& tape, Index rows, Index cols, Index buffers, Index saved, Index units,
         Index extra = 0)
      : call_(call), rows_(rows), cols_(cols), stride_((cols + kLine - 1) / kLine * kLine) {
    const AttentionSizes& s = sizes();
    workspace_bytes_ =
        std::max({kernels::gemm_workspace_bytes<T>(rows, cols, s.width),
                  kernels::gemm_workspace_bytes<T>(rows, cols, s.value_width),
                  kernels::gemm_workspace_bytes<T>(std::max(rows, cols), s.width, std::max(rows, cols)),
                  kernels::gemm_workspace_bytes<T>(std::max(rows, cols), s.value_width, std::max(rows, cols))});
    buffers_ = buffers;
    saved_ = saved;
    extra_ = extra;
    Carver count(nullptr);
    carve(count);
    bytes_ = count.used();
    memory_ = Pool::allocate(tape.pool(), bytes_ * static_cast<std::size_t>(std::min<Index>(tape.threads(), units)));
  }

  const AttentionCall& call() const { return call_; }
  const AttentionSizes& sizes() const { return call_.layout.sizes; }
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  Index stride() const { return stride_; }
  Index blocks() const { return (sizes().queries + rows_ - 1) / rows_; }

  TileScratch<T> scratch(Index worker) const {
    Carver carver(memory_.data() + static_cast<std::size_t>(worker) * bytes_);
    return carve(carver);
  }

  // One block: queries [first, first + count) of sequence b and head h.
  struct Block {
    Index b, h, first, count;
    Range seen;  // by any of them
  };
  Block block(TileScratch<T>& s, Index b, Index h, Index number) const {
    Block result{b, h, number * rows_, std::min(rows_, sizes().queries - number * rows_), {}};
    for (Index r = 0; r < result.count; ++r) {
      const Range seen = call_.visibility(b, result.first + r, sizes().keys);
      s.seen[r] = seen;
      // The ends never decrease, so the first row that sees something has the first key.
      if (seen.count() == 0) continue;
      if (result.seen.count() == 0) result.seen = seen;
      result.seen.last = std::max(result.seen.last, seen.last);
    }
    return result;
  }

  // Calls f(tile) for the tiles [first, last) that the block sees. Cuts are at multiples of the tile's width.
  template <class F>
  void each_tile(TileScratch<T>& s, const Block& block, F&& f) const {
    for (Index at = block.seen.first / cols_ * cols_; at < block.seen.last; at += cols_) {
      const Range tile{std::max(at, block.seen.first), std::min(at + cols_, block.seen.last)};
      look(s, block, tile);
      f(tile);
    }
  }
  // What each row of the block sees of a tile, into s.info.
  void look(TileScratch<T>& s, const Block& block, Range tile) const {
    for (Index r = 0; r < block.count; ++r) {
      const Index first = std::clamp(s.seen[r].first, tile.first, tile.last);
      const Index last = std::clamp(s.seen[r].last, first, tile.last);
      s.info[r] = {{first - tile.first, last - tile.first}, s.seen[r].count()};
    }
  }

  // Scores of a tile with their bias.
  void scores(const TileScratch<T>& s, const Block& block, Range tile, T* out) const {
    const auto q = call_.layout.q.template of<const T>(source(call_.layout.q));
    const auto k = call_.layout.k.template of<const T>(source(call_.layout.k));
    gemm(s, kernels::Transpose::no, kernels::Transpose::yes, block.count, tile.count(), sizes().width,
         static_cast<T>(call_.scale), q(block.b, block.h, block.first), q.row,
         k(block.b, block.h / sizes().group(), tile.first), k.row, 0, out, stride_);
    if (call_.bias) call_.bias->add(bias_block(block, tile), out);
  }
  BiasBlock<T> bias_block(const Block& block, Range tile) const {
    return {block.count,
            tile.count(),
            stride_,
            call_.visibility.start + block.first,
            call_.visibility.key_start + tile.first,
            block.h,
            values_of<T>(call_.bias_parameters, block.h)};
  }

  // Zeros where nothing is visible.
  void clear_hidden(const TileScratch<T>& s, const Block& block, Range tile, T* x) const {
    for (Index r = 0; r < block.count; ++r) {
      const Range visible = s.info[r].visible;
      std::fill(x + r * stride_, x + r * stride_ + visible.first, T(0));
      std::fill(x + r * stride_ + visible.last, x + r * stride_ + tile.count(), T(0));
    }
  }

  void gemm(const TileScratch<T>& s, kernels::Transpose ta, kernels::Transpose tb, Index m, Index n, Index k, T alpha,
            const T* a, Index lda, const T* b, Index ldb, T beta, T* c, Index ldc) const {
    kernels::gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, s.workspace);
  }

  const Tensor& source(const HeadPart& part) const { return call_.sources[static_cast<std::size_t>(part.input)]; }

 private:
  static constexpr Index kLine = 64 / static_cast<Index>(sizeof(T));

  TileScratch<T> carve(Carver& carver) const {
    TileScratch<T> s;
    s.seen = carver.take<Range>(rows_);
    s.info = carver.take<RowInfo>(rows_);
    for (Index i = 0; i < buffers_; ++i) s.tile[static_cast<std::size_t>(i)] = carver.take<T>(rows_ * stride_);
    s.saved = carver.take<T>(rows_ * saved_);
    s.extra = carver.take<T>(extra_);
    s.workspace = {carver.take<std::byte>(static_cast<Index>(workspace_bytes_)), workspace_bytes_};
    return s;
  }

  const AttentionCall& call_;
  Index rows_, cols_, stride_, buffers_ = 0, saved_ = 0, extra_ = 0;
  std::size_t workspace_bytes_ = 0, bytes_ = 0;
  Storage memory_;
};

template <class T>
void fill_rows(const HeadView<T>& to, Index b, Index h, Index first, Index count, Index width) {
  for (Index i = first; i < first + count; ++i) std::fill_n(to(b, h, i), width, T(0));
}

// dQ, dK, dV and the gradients of the parameters, from dO. What is made of a tile's scores is the form's business:
//   form.begin(scratch, block)              before the tiles of a block
//   form.weights(scratch, block, tile)      scores in tile[0] -> weights in tile[0] or tile[1]; returns where
//   form.gradient(scratch, block, tile)     dweights in tile[2] -> dscores in tile[2]
template <class T, class Form>
void backward_unit(const Tiling<T>& tiling, TileScratch<T>& s, Form& form, const Tensor& dy, AttentionGradients& to,
                   Index b, Index kv_head) {
  using kernels::Transpose;
  const AttentionCall& call = tiling.call();
  const AttentionLayout& layout = call.layout;
  const AttentionSizes& sizes = layout.sizes;
  const auto view = [&](const HeadPart& part) {
    auto& into = to.sources[static_cast<std::size_t>(part.input)];
    return into ? part.of<T>(into->grad) : HeadView<T>{};
  };
  const auto adds = [&](const HeadPart& part) {
    const auto& into = to.sources[static_cast<std::size_t>(part.input)];
    return into && into->add;
  };
  const auto q = layout.q.of<const T>(tiling.source(layout.q)), k = layout.k.of<const T>(tiling.source(layout.k)),
             v = layout.v.of<const T>(tiling.source(layout.v)), g = layout.o.of<const T>(dy);
  const HeadView<T> dq = view(layout.q), dk = view(layout.k), dv = view(layout.v);
  if (dk.at && !adds(layout.k)) fill_rows(dk, b, kv_head, 0, sizes.keys, sizes.width);
  if (dv.at && !adds(layout.v)) fill_rows(dv, b, kv_head, 0, sizes.keys, sizes.value_width);
  for (Index h = kv_head * sizes.group(); h < (kv_head + 1) * sizes.group(); ++h)
    for (Index number = 0; number < tiling.blocks(); ++number) {
      const auto block = tiling.block(s, b, h, number);
      if (dq.at && !adds(layout.q) && block.seen.count() == 0)
        fill_rows(dq, b, h, block.first, block.count, sizes.width);
      form.begin(s, block);
      bool first = !adds(layout.q);
      tiling.each_tile(s, block, [&](Range tile) {
        const Index rows = block.count, cols = tile.count(), ld = tiling.stride();
        const T* const dout = g(b, h, block.first);
        T* const ds = s.tile[2];
        tiling.scores(s, block, tile, s.tile[0]);
        const T* const w = form.weights(s, block, tile);
        if (dv.at)
          tiling.gemm(s, Transpose::yes, Transpose::no, cols, sizes.value_width, rows, 1, w, ld, dout, g.row, 1,
                      dv(b, kv_head, tile.first), dv.row);
        tiling.gemm(s, Transpose::no, Transpose::yes, rows, cols, sizes.value_width, 1, dout, g.row,
                    v(b, kv_head, tile.first), v.row, 0, ds, ld);
        form.gradient(s, block, tile);
        tiling.clear_hidden(s, block, tile, ds);
        if (call.bias)
          call.bias->backward(tiling.bias_block(block, tile), ds, gradients_of<T>(to.bias_parameters, b, h));
        if (dq.at)
          tiling.gemm(s, Transpose::no, Transpose::no, rows, sizes.width, cols, static_cast<T>(call.scale), ds, ld,
                      k(b, kv_head, tile.first), k.row, std::exchange(first, false) ? T(0) : T(1),
                      dq(b, h, block.first), dq.row);
        if (dk.at)
          tiling.gemm(s, Transpose::yes, Transpose::no, cols, sizes.width, rows, static_cast<T>(call.scale), ds, ld,
                      q(b, h, block.first), q.row, 1, dk(b, kv_head, tile.first), dk.row);
      });
    }
}

// --- The forms -------------------------------------------------------------------------------------------
// `saved` [B, H, N, traits().saved]: what the normalizer keeps of each row; undefined: not kept.
Tensor blocks_forward(const AttentionCall& call, Tape& tape, Tensor& saved);
void blocks_backward(const AttentionCall& call, Tape& tape, const Tensor& saved, const Tensor& dy,
                     AttentionGradients& to);

// `sums` [H, B, N]: the logarithm of each row's sum of exponentials, +inf where nothing is visible; undefined: not
// kept.
Tensor streaming_forward(const AttentionCall& call, Tape& tape, Tensor& sums);
void streaming_backward(const AttentionCall& call, Tape& tape, const Tensor& y, const Tensor& sums, const Tensor& dy,
                        AttentionGradients& to);

}  // namespace tempera::detail
