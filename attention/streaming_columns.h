// Softmax attention whose scores are never whole. A tile of scores has a key to a row and queries along the lanes, so
// that maxima and sums over keys need no folding of vectors, and a row of scores costs nothing of its own. What both
// passes share.
#pragma once

#include "attention/sight.h"
#include "attention/streaming.h"

namespace tempera::detail {

inline constexpr Index kCols = 256;  // keys of a tile; measured

// The scratch of one worker: tiles of numbers [keys, kRows], blocks and tiles packed for products.
template <class T>
struct Scratch {
  Sight<T>* sight;
  std::array<T*, 2> tile;
  T *top, *total, *factor, *delta;  // for each query of a group, or of all that read a key head
  std::array<T*, 4> packed;
};

struct ScratchSizes {
  Index tiles, cols, rows;
  std::array<Index, 4> packed{};
};

template <class T>
Scratch<T> carve(Carver& carver, const ScratchSizes& sizes) {
  Scratch<T> s{};
  s.sight = carver.take<Sight<T>>(1);
  for (Index i = 0; i < sizes.tiles; ++i) s.tile[static_cast<std::size_t>(i)] = carver.take<T>(sizes.cols * kRows);
  for (T** rows : {&s.top, &s.total, &s.delta}) *rows = carver.take<T>(sizes.rows);
  s.factor = carver.take<T>(kRows);
  for (std::size_t i = 0; i < s.packed.size(); ++i) s.packed[i] = carver.take<T>(sizes.packed[i]);
  return s;
}

// f(scratch, unit) for each unit, where scratch belongs to the worker that computes it.
template <class T, class F>
void each_unit(Tape& tape, int threads, Index units, const ScratchSizes& sizes, F&& f) {
  Carver count(nullptr);
  carve<T>(count, sizes);
  const std::size_t bytes = count.used();
  const Storage memory = Pool::allocate(tape.pool(), bytes * static_cast<std::size_t>(std::min<Index>(threads, units)));
  parallel_units(threads, units, [&](Index worker, Index unit) {
    Carver carver(memory.data() + static_cast<std::size_t>(worker) * bytes);
    Scratch<T> s = carve<T>(carver, sizes);
    f(s, unit);
  });
}

inline constexpr Index round_up(Index x, Index unit) {
  return (x + unit - 1) / unit * unit;
}

// Rows [at, at + count) of a head, transposed for products whose columns they are: whole vectors, zero beyond the last.
template <class T>
void pack_columns(const HeadView<const T>& x, Index b, Index h, Index at, Index count, Index width, T* packed) {
  kernels::pack(kernels::Transpose::yes, count, width, x(b, h, at), x.row, packed);
  const Index done = round_up(count, kernels::packed_width<T>()), wanted = round_up(count, lane_width<T>);
  if (done < wanted) std::fill_n(packed + done * width, (wanted - done) * width, T(0));
}
template <class T>
Index columns_size(Index width) {
  return round_up(kRows, kernels::packed_width<T>()) * width;
}

// f(first, queries, keys) for each strip of a block and the keys of the tile that it sees.
template <class T, class F>
void each_strip(const Sight<T>& sight, F&& f) {
  for (Index at = 0; at < sight.count; at += kStrip<T>) {
    const Index count = std::min(kStrip<T>, sight.count - at), v = at / lane_width<T>;
    const Range keys = sight.by(v, v + (count + lane_width<T> - 1) / lane_width<T>);
    if (keys.count() > 0) f(at, count, keys);
  }
}

// Rows of a tile of keys or values as the right side of products, packed if several blocks of queries use them.
template <class T>
class TileRows {
 public:
  TileRows(const HeadView<const T>& x, Index b, Index h, Index width, bool packs, T* scratch)
      : x_(x),
        b_(b),
        h_(h),
        width_(width),
        packs_(packs || !kernels::gemm_reads<T>(width)),
        packed_{kernels::Transpose::no, scratch} {}
  void enter(Range tile) {
    at_ = tile.first;
    if (packs_) packed_.pack(x_, b_, h_, tile, width_);
  }
  // C [rows, width] = factor A^T X + beta C, A [keys, rows], X the rows `keys` of the tile.
  void multiply(Range keys, Index rows, T factor, const T* a, T beta, T* c, Index ldc) const {
    const Index inner = keys.count();
    if (packs_)
      packed_.multiply(keys.first, rows, width_, inner, factor, a, kRows, beta, c, ldc, kernels::Transpose::yes);
    else
      kernels::gemm_in_place(kernels::Transpose::yes, rows, width_, inner, factor, a, kRows,
                             x_(b_, h_, at_ + keys.first), x_.row, beta, c, ldc);
  }

 private:
  HeadView<const T> x_;
  Index b_, h_, width_, at_ = 0;
  bool packs_;
  PackedTile<T> packed_;
};

// Calls for rows of a short head that the next unit reads or writes: they lie apart, which no processor foresees.
template <class T>
void fetch_rows(const HeadView<T>& x, Index b, Index h, Index count, Index width) {
  if (!x.at || count > kRows) return;
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  for (Index r = 0; r < count; ++r)
    for (Index c = 0; c < width; c += line) __builtin_prefetch(x(b, h, r) + c, std::is_const_v<T> ? 0 : 1, 2);
}

// What both passes know of a call.
template <class T>
class Heads {
 public:
  explicit Heads(const AttentionCall& of) : call(of), sequences(of, lane_width<T>) {}

  // out [keys, kRows] = scale K Q^T + bias for what a block of queries sees of a tile; packed are its queries.
  void scores(const Sight<T>& sight, Index b, Index h, Index query, Index key, const T* packed, T* out) const {
    products(sight, k, b, h, key, sizes.width, static_cast<T>(call.scale), packed, out);
    if (!call.bias) return;
    const Range keys = sight.by(0, sight.vectors);
    call.bias->add(bias_block(sight, h, query, key, keys), out + keys.first * kRows);
  }
  // out = factor X Y^T for rows of X, packed rows of Y.
  void products(const Sight<T>& sight, const HeadView<const T>& x, Index b, Index h, Index key, Index width, T factor,
                const T* packed, T* out) const {
    each_strip(sight, [&](Index at, Index count, Range keys) {
      kernels::gemm_packed(kernels::Transpose::no, keys.count(), round_up(count, lane_width<T>), width, factor,
                           x(b, h / sizes.group(), key + keys.first), x.row, packed + at * width, width, T(0),
                           out + keys.first * kRows + at, kRows);
    });
  }
  BiasBlock<T> bias_block(const Sight<T>& sight, Index h, Index query, Index key, Range keys) const {
    return {keys.count(),
            sight.count,
            kRows,
            call.visibility.start + query,
            call.visibility.key_start + key + keys.first,
            h,
            values_of<T>(call.bias_parameters, h),
            true};
  }
  const Tensor& source(const HeadPart& part) const { return call.sources[static_cast<std::size_t>(part.input)]; }
  HeadView<const T> view(const HeadPart& part) const { return part.template of<const T>(source(part)); }

  const AttentionCall& call;
  const AttentionSizes& sizes = call.layout.sizes;
  const Sequences sequences;
  const HeadView<const T> q = view(call.layout.q), k = view(call.layout.k), v = view(call.layout.v);
};

}  // namespace tempera::detail
