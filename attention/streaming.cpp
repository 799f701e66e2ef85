#include <array>
#include <cmath>
#include <limits>

#include "attention/tiles.h"
#include "core/lanes.h"

namespace tempera::detail {
namespace {

constexpr Index kRows = 64, kCols = 256;  // of a tile; measured
constexpr Index kWorthAThread = 1 << 17;  // multiplications; below, one thread is faster than two
constexpr Index kGroup = 4;               // blocks of rows that share a packed tile of keys and values

using kernels::Transpose;

// Where the causal edge cuts through every block, smaller blocks leave less of it to no purpose.
Index rows_for(Index queries) {
  return queries <= kRows ? kRows / 2 : kRows;
}

template <class T>
constexpr T kLow = -std::numeric_limits<T>::infinity();

// Calls f(i, count) for whole vectors of [first, last) and for the rest.
template <class T, class F>
TEMPERA_INLINE void vectors(Index first, Index last, F&& f) {
  constexpr Index W = lane_width<T>;
  Index i = first;
  for (; i + W <= last; i += W) f(i, std::integral_constant<Index, W>{});
  if (i < last) f(i, last - i);
}

template <class T>
TEMPERA_INLINE Lanes<T> load(const T* x, Index count, T fill) {
  return count == lane_width<T> ? Lanes<T>::load(x) : Lanes<T>::load(x, count, fill);
}
template <class T>
TEMPERA_INLINE void store(Lanes<T> v, T* x, Index count) {
  if (count == lane_width<T>) v.store(x);
  else v.store(x, count);
}

// A NaN is passed over here; it spoils the sum.
template <class T>
TEMPERA_INLINE Lanes<T> larger(Lanes<T> a, Lanes<T> b) {
  return where(a > b, a, b);
}

template <class T>
T row_max(const T* x, Range visible) {
  constexpr Index W = lane_width<T>;
  Lanes<T> even(kLow<T>), odd(kLow<T>);  // two chains, so that one need not wait for the other
  Index i = visible.first;
  for (; i + 2 * W <= visible.last; i += 2 * W) {
    even = larger(Lanes<T>::load(x + i), even);
    odd = larger(Lanes<T>::load(x + i + W), odd);
  }
  vectors<T>(i, visible.last, [&](Index j, auto count) { even = larger(load<T>(x + j, count, kLow<T>), even); });
  return lane_max(larger(even, odd));
}

// x = exp(x - shift) on the visible part; returns its sum. Beyond a tail nothing is stored, and 0 is added.
template <class T>
T row_exp(T* x, Range visible, T shift) {
  Lanes<T> total(0);
  vectors<T>(visible.first, visible.last, [&](Index i, auto count) {
    const Lanes<T> e = exp(load<T>(x + i, count, kLow<T>) - Lanes<T>(shift));
    store(e, x + i, count);
    total += e;
  });
  return lane_sum(total);
}

template <class T>
void scale_row(T* x, Index width, T factor) {
  vectors<T>(0, width, [&](Index i, auto count) { store(load<T>(x + i, count, 0) * Lanes<T>(factor), x + i, count); });
}

// The keys of a tile that a block sees, from one on at which packed keys may be entered.
template <class T>
Range seen_of(const typename Tiling<T>::Block& block, Range tile) {
  const Index first = std::max<Index>(0, block.seen.first - tile.first) / kernels::packed_width<T>();
  return {tile.first + first * kernels::packed_width<T>(), std::min(tile.last, block.seen.last)};
}

// A tile of keys or values of one head, packed for the products of all blocks of rows with it.
template <class T>
struct PackedTile {
  Transpose transpose;
  T* scratch;
  const T* at = nullptr;
  Index depth = 0;

  // Keys [tile.first, tile.last), each `width` wide.
  void pack(const HeadView<const T>& x, Index b, Index h, Range tile, Index width) {
    const bool columns = transpose == Transpose::yes;
    depth = columns ? width : tile.count();
    kernels::pack(transpose, columns ? tile.count() : width, depth, x(b, h, tile.first), x.row, scratch);
    at = scratch;
  }
  // The same of a head whose `room` keys lie packed as a whole.
  void enter(const HeadView<const T>& x, Index b, Index h, Range tile, Index width, Index room) {
    const bool columns = transpose == Transpose::yes;
    depth = columns ? width : room;
    at = x(b, h, 0) + tile.first * (columns ? width : kernels::packed_width<T>());
  }
  void take(const HeadView<const T>& x, Index b, Index h, Range tile, Index width, Index room) {
    if (room > 0) enter(x, b, h, tile, width, room);
    else pack(x, b, h, tile, width);
  }
  // C [rows, cols] = alpha A B + beta C with the part of the tile that begins at key `skip`.
  void multiply(Index skip, Index rows, Index cols, Index inner, T alpha, const T* a, Index lda, T beta, T* c,
                Index ldc) const {
    const T* const part = at + skip * (transpose == Transpose::yes ? depth : kernels::packed_width<T>());
    kernels::gemm_packed(Transpose::no, rows, cols, inner, alpha, a, lda, part, depth, beta, c, ldc);
  }
};

// S = scale Q K^T + bias for the keys `seen` of a tile that begins at key `first`.
template <class T>
void scores_of(const Tiling<T>& tiling, const typename Tiling<T>::Block& block, const PackedTile<T>& keys, Index first,
               Range seen, T* out) {
  const AttentionCall& call = tiling.call();
  const auto q = call.layout.q.of<const T>(tiling.source(call.layout.q));
  keys.multiply(seen.first - first, block.count, seen.count(), tiling.sizes().width, static_cast<T>(call.scale),
                q(block.b, block.h, block.first), q.row, 0, out, tiling.stride());
  if (call.bias) call.bias->add(tiling.bias_block(block, seen), out);
}

// The maximum and the sum of exponentials so far, for each row of a block.
template <class T>
struct Running {
  T *top, *total;
  bool begun = false;
};

// One tile of one block: scores to exponentials in tile[0], sums and maxima moved on, earlier output rows scaled.
template <class T>
void take_in(const Tiling<T>& tiling, TileScratch<T>& s, const typename Tiling<T>::Block& block, Running<T>& running,
             const HeadView<T>& o) {
  for (Index r = 0; r < block.count; ++r) {
    T* const row = s.tile[0] + r * tiling.stride();
    const Range visible = s.info[r].visible;
    const T before = running.top[r];
    const T top = running.top[r] = std::max(before, row_max(row, visible));
    // Without a finite score yet the shift is 0, so that exp(-inf) is 0 and not NaN.
    const T shift = top == kLow<T> ? T(0) : top;
    const T sum = row_exp(row, visible, shift);
    if (before == top || before == kLow<T>) {
      running.total[r] += sum;
    } else {
      const T factor = std::exp(before - shift);
      running.total[r] = running.total[r] * factor + sum;
      if (running.begun) scale_row(o(block.b, block.h, block.first + r), tiling.sizes().value_width, factor);
    }
  }
}

// Blocks [number, last) of the queries of a head.
template <class T>
void forward_blocks(const Tiling<T>& tiling, TileScratch<T>& s, Index b, Index h, Index number, Index last, Tensor& y,
                    T* sums) {
  const AttentionCall& call = tiling.call();
  const AttentionSizes& sizes = tiling.sizes();
  const auto k = call.layout.k.of<const T>(tiling.source(call.layout.k)),
             v = call.layout.v.of<const T>(tiling.source(call.layout.v));
  const auto o = call.layout.o.of<T>(y);
  PackedTile<T> keys{Transpose::yes, s.extra},
      values{Transpose::no, s.extra + kernels::packed_size<T>(tiling.cols(), sizes.width)};
  std::array<Running<T>, kGroup> running;
  Range all{sizes.keys, 0};
  for (Index i = number; i < last; ++i) {
    T* const kept = s.saved + 2 * (i - number) * tiling.rows();
    running[static_cast<std::size_t>(i - number)] = {kept, kept + tiling.rows()};
    const auto block = tiling.block(s, b, h, i);
    std::fill_n(kept, block.count, kLow<T>);
    std::fill_n(kept + tiling.rows(), block.count, T(0));
    if (block.seen.count() == 0) fill_rows(o, b, h, block.first, block.count, sizes.value_width);
    else all = {std::min(all.first, block.seen.first), std::max(all.last, block.seen.last)};
  }
  for (Index at = all.first / tiling.cols() * tiling.cols(); at < all.last; at += tiling.cols()) {
    const Range tile{at, std::min(at + tiling.cols(), all.last)};
    keys.take(k, b, h / sizes.group(), tile, sizes.width, call.layout.packed_room);
    values.take(v, b, h / sizes.group(), tile, sizes.value_width, call.layout.packed_room);
    for (Index i = number; i < last; ++i) {
      const auto block = tiling.block(s, b, h, i);
      const Range seen = seen_of<T>(block, tile);
      if (seen.count() <= 0) continue;
      tiling.look(s, block, seen);
      scores_of(tiling, block, keys, at, seen, s.tile[0]);
      Running<T>& so_far = running[static_cast<std::size_t>(i - number)];
      take_in(tiling, s, block, so_far, o);
      tiling.clear_hidden(s, block, seen, s.tile[0]);
      values.multiply(seen.first - at, block.count, sizes.value_width, seen.count(), 1, s.tile[0], tiling.stride(),
                      std::exchange(so_far.begun, true) ? T(1) : T(0), o(b, h, block.first), o.row);
    }
  }
  for (Index i = number; i < last; ++i) {
    const Index first = i * tiling.rows(), count = std::min(tiling.rows(), sizes.queries - first);
    const Running<T>& rows = running[static_cast<std::size_t>(i - number)];
    for (Index r = 0; r < count; ++r)
      if (rows.total[r] != T(0)) scale_row(o(b, h, first + r), sizes.value_width, 1 / rows.total[r]);
    if (!sums) continue;
    T* const to = sums + (b * sizes.heads + h) * sizes.queries + first;
    vectors<T>(0, count, [&](Index r, auto n) {
      const Lanes<T> sum = load<T>(rows.total + r, n, 0);
      store(where(sum == Lanes<T>(0), Lanes<T>(-kLow<T>), load<T>(rows.top + r, n, 0) + log(sum)), to + r, n);
    });
  }
}

// W = exp(S - L),  dS = W (dW - delta),  delta = <dO, O> of the row: for all queries that read one key head. Tiles of
// keys are packed once for all of them.
template <class T>
class BackwardUnit {
 public:
  BackwardUnit(const Tiling<T>& tiling, TileScratch<T>& s, const Tensor& y, const T* sums, const Tensor& dy,
               AttentionGradients& to, Index b, Index kv_head)
      : tiling_(tiling),
        s_(s),
        sums_(sums),
        to_(to),
        b_(b),
        kv_head_(kv_head),
        o_(call_.layout.o.of<const T>(y)),
        g_(call_.layout.o.of<const T>(dy)),
        dq_(view(call_.layout.q)),
        dk_(view(call_.layout.k)),
        dv_(view(call_.layout.v)) {
    const Index width = sizes_.width, value_width = sizes_.value_width, cols = tiling.cols();
    keys_.scratch = s.extra;
    values_.scratch = keys_.scratch + kernels::packed_size<T>(cols, width);
    key_rows_.scratch = values_.scratch + kernels::packed_size<T>(cols, value_width);
    delta_ = key_rows_.scratch + kernels::packed_size<T>(width, cols);
  }
  static Index scratch(const AttentionSizes& sizes, Index cols) {
    return kernels::packed_size<T>(cols, sizes.width) + kernels::packed_size<T>(cols, sizes.value_width) +
           kernels::packed_size<T>(sizes.width, cols) + sizes.group() * sizes.queries;
  }

  void run() {
    if (dk_.at && !adds(call_.layout.k)) fill_rows(dk_, b_, kv_head_, 0, sizes_.keys, sizes_.width);
    if (dv_.at && !adds(call_.layout.v)) fill_rows(dv_, b_, kv_head_, 0, sizes_.keys, sizes_.value_width);
    Range all{sizes_.keys, 0};
    each_block([&](const auto& block) {
      if (block.seen.count() > 0) all = {std::min(all.first, block.seen.first), std::max(all.last, block.seen.last)};
      else if (dq_.at && !adds(call_.layout.q)) fill_rows(dq_, b_, block.h, block.first, block.count, sizes_.width);
      for (Index r = 0; r < block.count; ++r) {
        const T *o = o_(b_, block.h, block.first + r), *g = g_(b_, block.h, block.first + r);
        Lanes<T> dot(0);
        vectors<T>(0, sizes_.value_width,
                   [&](Index i, auto count) { dot += load<T>(o + i, count, 0) * load<T>(g + i, count, 0); });
        delta_of(block)[r] = lane_sum(dot);
      }
    });
    const auto k = call_.layout.k.of<const T>(tiling_.source(call_.layout.k)),
               v = call_.layout.v.of<const T>(tiling_.source(call_.layout.v));
    for (Index at = all.first / tiling_.cols() * tiling_.cols(); at < all.last; at += tiling_.cols()) {
      const Range tile{at, std::min(at + tiling_.cols(), all.last)};
      keys_.pack(k, b_, kv_head_, tile, sizes_.width);
      values_.pack(v, b_, kv_head_, tile, sizes_.value_width);
      if (dq_.at) key_rows_.pack(k, b_, kv_head_, tile, sizes_.width);
      each_block([&](const auto& block) {
        const Range seen = seen_of<T>(block, tile);
        if (seen.count() > 0) meet(block, tile, seen);
      });
    }
  }

 private:
  using Block = typename Tiling<T>::Block;

  HeadView<T> view(const HeadPart& part) const {
    auto& into = to_.sources[static_cast<std::size_t>(part.input)];
    return into ? part.of<T>(into->grad) : HeadView<T>{};
  }
  bool adds(const HeadPart& part) const {
    const auto& into = to_.sources[static_cast<std::size_t>(part.input)];
    return into && into->add;
  }
  template <class F>
  void each_block(F&& f) {
    for (Index h = kv_head_ * sizes_.group(); h < (kv_head_ + 1) * sizes_.group(); ++h)
      for (Index number = 0; number < tiling_.blocks(); ++number) f(tiling_.block(s_, b_, h, number));
  }
  T* delta_of(const Block& block) const {
    return delta_ + (block.h - kv_head_ * sizes_.group()) * sizes_.queries + block.first;
  }

  // What a block of queries and the keys `seen` of a tile give each other.
  void meet(const Block& block, Range tile, Range seen) {
    const Index rows = block.count, cols = seen.count(), skip = seen.first - tile.first, ld = tiling_.stride();
    const auto q = call_.layout.q.of<const T>(tiling_.source(call_.layout.q));
    const T* const dout = g_(b_, block.h, block.first);
    T *const w = s_.tile[0], *const ds = s_.tile[1];
    tiling_.look(s_, block, seen);
    scores_of(tiling_, block, keys_, tile.first, seen, w);
    weights(block, w);
    tiling_.clear_hidden(s_, block, seen, w);
    if (dv_.at)
      tiling_.gemm(s_, Transpose::yes, Transpose::no, cols, sizes_.value_width, rows, 1, w, ld, dout, g_.row, 1,
                   dv_(b_, kv_head_, seen.first), dv_.row);
    values_.multiply(skip, rows, cols, sizes_.value_width, 1, dout, g_.row, 0, ds, ld);
    gradient(block, w, ds);
    tiling_.clear_hidden(s_, block, seen, ds);
    if (call_.bias)
      call_.bias->backward(tiling_.bias_block(block, seen), ds, gradients_of<T>(to_.bias_parameters, b_, block.h));
    const bool first = tile.first <= block.seen.first;
    if (dq_.at)
      key_rows_.multiply(skip, rows, sizes_.width, cols, static_cast<T>(call_.scale), ds, ld,
                         first && !adds(call_.layout.q) ? T(0) : T(1), dq_(b_, block.h, block.first), dq_.row);
    if (dk_.at)
      tiling_.gemm(s_, Transpose::yes, Transpose::no, cols, sizes_.width, rows, static_cast<T>(call_.scale), ds, ld,
                   q(b_, block.h, block.first), q.row, 1, dk_(b_, kv_head_, seen.first), dk_.row);
  }
  void weights(const Block& block, T* w) const {
    const T* const sum = sums_ + (b_ * sizes_.heads + block.h) * sizes_.queries + block.first;
    for (Index r = 0; r < block.count; ++r) {
      T* const row = w + r * tiling_.stride();
      vectors<T>(s_.info[r].visible.first, s_.info[r].visible.last, [&](Index i, auto count) {
        store(exp(load<T>(row + i, count, 0) - Lanes<T>(sum[r])), row + i, count);
      });
    }
  }
  void gradient(const Block& block, const T* w, T* ds) const {
    const T* const delta = delta_of(block);
    for (Index r = 0; r < block.count; ++r) {
      const T* const weight = w + r * tiling_.stride();
      T* const g = ds + r * tiling_.stride();
      vectors<T>(s_.info[r].visible.first, s_.info[r].visible.last, [&](Index i, auto count) {
        store(load<T>(weight + i, count, 0) * (load<T>(g + i, count, 0) - Lanes<T>(delta[r])), g + i, count);
      });
    }
  }

  const Tiling<T>& tiling_;
  TileScratch<T>& s_;
  const T* sums_;
  AttentionGradients& to_;
  Index b_, kv_head_;
  const AttentionCall& call_ = tiling_.call();
  const AttentionSizes& sizes_ = tiling_.sizes();
  HeadView<const T> o_, g_;
  HeadView<T> dq_, dk_, dv_;
  PackedTile<T> keys_{Transpose::yes, nullptr}, values_{Transpose::yes, nullptr}, key_rows_{Transpose::no, nullptr};
  T* delta_;
};

}  // namespace

Tensor streaming_forward(const AttentionCall& call, Tape& tape, Tensor& sums) {
  const AttentionSizes& sizes = call.layout.sizes;
  Tensor y = tape.empty(call.layout.output, call.sources[0].dtype());
  dispatch(y.dtype(), [&]<class T>(Type<T>) {
    const Index rows = rows_for(sizes.queries), blocks = (sizes.queries + rows - 1) / rows,
                per_head = (blocks + kGroup - 1) / kGroup, units = sizes.batch * sizes.heads * per_head;
    const Tiling<T> tiling(
        call, tape, rows, kCols, 1, 2 * kGroup, units,
        kernels::packed_size<T>(kCols, sizes.width) + kernels::packed_size<T>(sizes.value_width, kCols));
    T* const kept = sums.defined() ? sums.data<T>() : nullptr;
    const Index work = sizes.batch * sizes.heads * sizes.queries * sizes.keys * (sizes.width + sizes.value_width);
    parallel_units(work < kWorthAThread ? 1 : tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      const Index head = unit / per_head, first = unit % per_head * kGroup;
      forward_blocks(tiling, s, head / sizes.heads, head % sizes.heads, first, std::min(blocks, first + kGroup), y,
                     kept);
    });
  });
  return y;
}

void streaming_backward(const AttentionCall& call, Tape& tape, const Tensor& y, const Tensor& sums, const Tensor& dy,
                        AttentionGradients& to) {
  const AttentionSizes& sizes = call.layout.sizes;
  dispatch(dy.dtype(), [&]<class T>(Type<T>) {
    const Index units = sizes.batch * sizes.kv_heads;
    const Tiling<T> tiling(call, tape, rows_for(sizes.queries), kCols, 2, 0, units,
                           BackwardUnit<T>::scratch(sizes, kCols));
    parallel_units(tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      BackwardUnit<T>(tiling, s, y, sums.data<T>(), dy, to, unit / sizes.kv_heads, unit % sizes.kv_heads).run();
    });
  });
}

}  // namespace tempera::detail
