#include <array>

#include "attention/streaming.h"

namespace tempera::detail {
namespace {

constexpr Index kBlock = 64, kTile = 256;  // of a tile; measured
constexpr Index kWorthAThread = 1 << 17;   // multiplications; below, one thread is faster than two
constexpr Index kGroup = 4;                // blocks of rows that share a packed tile of keys and values

using kernels::Transpose;

// Where the causal edge cuts through every block, smaller blocks leave less of it to no purpose.
Index rows_for(Index queries) {
  return queries <= kBlock ? kBlock / 2 : kBlock;
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

// x = exp(x - shift) on the visible part; returns its sum: of every lane_width'th number, and of those along the tree
// of lane_sum(). Before a head, within whose vector zeros are stored, and beyond a tail nothing changes.
template <class T>
T row_exp(T* x, Range visible, T shift) {
  constexpr Index W = lane_width<T>;
  Lanes<T> total(0);
  const Index first = visible.first / W * W;
  if (first < visible.first) std::fill(x + first, x + visible.first, kLow<T>);
  vectors<T>(first, visible.last, [&](Index i, auto count) {
    const Lanes<T> e = exp(load<T>(x + i, count, kLow<T>) - Lanes<T>(shift));
    store(e, x + i, count);
    total += e;
  });
  return lane_sum(total);
}

// The keys of a tile that a block sees, from one on at which packed keys may be entered.
template <class T>
Range seen_of(const typename Tiling<T>::Block& block, Range tile) {
  const Index unit = std::max(kernels::packed_width<T>(), lane_width<T>);
  const Index first = std::max<Index>(0, block.seen.first - tile.first) / unit * unit;
  return {tile.first + first, std::min(tile.last, block.seen.last)};
}

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
      const T factor = exp(Lanes<T>(before - shift)).v[0];
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
    T* const to = sums + (h * sizes.batch + b) * sizes.queries + first;
    vectors<T>(0, count, [&](Index r, auto n) {
      const Lanes<T> sum = load<T>(rows.total + r, n, 0);
      store(where(sum == Lanes<T>(0), Lanes<T>(-kLow<T>), load<T>(rows.top + r, n, 0) + log(sum)), to + r, n);
    });
  }
}

}  // namespace

Tensor streaming_rows(const AttentionCall& call, Tape& tape, Tensor& sums) {
  const AttentionSizes& sizes = call.layout.sizes;
  Tensor y = tape.empty(call.layout.output, call.sources[0].dtype());
  dispatch(y.dtype(), [&]<class T>(Type<T>) {
    const Index rows = rows_for(sizes.queries), blocks = (sizes.queries + rows - 1) / rows,
                per_head = (blocks + kGroup - 1) / kGroup, units = sizes.batch * sizes.heads * per_head;
    const Tiling<T> tiling(
        call, tape, rows, kTile, 1, 2 * kGroup, units,
        kernels::packed_size<T>(kTile, sizes.width) + kernels::packed_size<T>(sizes.value_width, kTile));
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

}  // namespace tempera::detail
