#include <cmath>
#include <limits>

#include "attention/tiles.h"
#include "core/lanes.h"

namespace tempera::detail {
namespace {

constexpr Index kRows = 64, kCols = 256;  // of a tile; measured

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

// x = exp(x - shift) on the visible part; returns its sum. A tail is computed at `shift` where nothing lies, which is
// fast, and stored in part.
template <class T>
T row_exp(T* x, Range visible, T shift) {
  Lanes<T> total(0);
  vectors<T>(visible.first, visible.last, [&](Index i, auto count) {
    const Lanes<T> e = exp(load<T>(x + i, count, shift) - Lanes<T>(shift));
    store(e, x + i, count);
    total += count == lane_width<T> ? e : Lanes<T>::load(x + i, count);
  });
  return lane_sum(total);
}

template <class T>
void scale_row(T* x, Index width, T factor) {
  vectors<T>(0, width, [&](Index i, auto count) { store(load<T>(x + i, count, 0) * Lanes<T>(factor), x + i, count); });
}

template <class T>
void forward_block(const Tiling<T>& tiling, TileScratch<T>& s, Index b, Index h, Index number, Tensor& y, T* sums) {
  const AttentionCall& call = tiling.call();
  const AttentionSizes& sizes = tiling.sizes();
  const auto v = call.layout.v.of<const T>(tiling.source(call.layout.v));
  const auto o = call.layout.o.of<T>(y);
  const auto block = tiling.block(s, b, h, number);
  if (block.seen.count() == 0) fill_rows(o, b, h, block.first, block.count, sizes.value_width);
  T *const top = s.saved, *const total = s.saved + tiling.rows();
  std::fill_n(top, block.count, kLow<T>);
  std::fill_n(total, block.count, T(0));
  bool first = true;
  tiling.each_tile(s, block, [&](Range tile) {
    T* const x = s.tile[0];
    tiling.scores(s, block, tile, x);
    for (Index r = 0; r < block.count; ++r) {
      T* const row = x + r * tiling.stride();
      const Range visible = s.info[r].visible;
      const T before = top[r];
      top[r] = std::max(before, row_max(row, visible));
      // Without a finite score yet the shift is 0, so that exp(-inf) is 0 and not NaN.
      const T shift = top[r] == kLow<T> ? T(0) : top[r];
      const T sum = row_exp(row, visible, shift);
      if (before == top[r]) {
        total[r] += sum;
      } else {
        const T factor = std::exp(before - shift);
        total[r] = total[r] * factor + sum;
        if (!first) scale_row(o(b, h, block.first + r), sizes.value_width, factor);
      }
    }
    tiling.clear_hidden(s, block, tile, x);
    tiling.gemm(s, kernels::Transpose::no, kernels::Transpose::no, block.count, sizes.value_width, tile.count(), 1, x,
                tiling.stride(), v(b, h / sizes.group(), tile.first), v.row, std::exchange(first, false) ? T(0) : T(1),
                o(b, h, block.first), o.row);
  });
  for (Index r = 0; r < block.count; ++r) {
    if (total[r] != T(0)) scale_row(o(b, h, block.first + r), sizes.value_width, 1 / total[r]);
    if (sums)
      sums[(b * sizes.heads + h) * sizes.queries + block.first + r] =
          total[r] == T(0) ? -kLow<T> : top[r] + std::log(total[r]);
  }
}

// W = exp(S - L),  dS = W (dW - delta),  delta = <dO, O> of the row
template <class T>
struct StreamingForm {
  const Tiling<T>& tiling;
  HeadView<const T> y, dy;
  const T* sums;

  void begin(const TileScratch<T>& s, const typename Tiling<T>::Block& block) {
    for (Index r = 0; r < block.count; ++r) {
      const T *o = y(block.b, block.h, block.first + r), *g = dy(block.b, block.h, block.first + r);
      Lanes<T> dot(0);
      vectors<T>(0, tiling.sizes().value_width,
                 [&](Index i, auto count) { dot += load<T>(o + i, count, 0) * load<T>(g + i, count, 0); });
      s.saved[r] = lane_sum(dot);
    }
  }
  const T* weights(const TileScratch<T>& s, const typename Tiling<T>::Block& block, Range tile) {
    const T* const sum = sums + (block.b * tiling.sizes().heads + block.h) * tiling.sizes().queries + block.first;
    for (Index r = 0; r < block.count; ++r) {
      T* const row = s.tile[0] + r * tiling.stride();
      vectors<T>(s.info[r].visible.first, s.info[r].visible.last, [&](Index i, auto count) {
        store(exp(load<T>(row + i, count, 0) - Lanes<T>(sum[r])), row + i, count);
      });
    }
    tiling.clear_hidden(s, block, tile, s.tile[0]);
    return s.tile[0];
  }
  void gradient(const TileScratch<T>& s, const typename Tiling<T>::Block& block, Range) {
    for (Index r = 0; r < block.count; ++r) {
      const T* const w = s.tile[0] + r * tiling.stride();
      T* const g = s.tile[2] + r * tiling.stride();
      const Lanes<T> delta(s.saved[r]);
      vectors<T>(s.info[r].visible.first, s.info[r].visible.last, [&](Index i, auto count) {
        store(load<T>(w + i, count, 0) * (load<T>(g + i, count, 0) - delta), g + i, count);
      });
    }
  }
};

}  // namespace

Tensor streaming_forward(const AttentionCall& call, Tape& tape, Tensor& sums) {
  const AttentionSizes& sizes = call.layout.sizes;
  Tensor y = tape.empty(call.layout.output, call.sources[0].dtype());
  dispatch(y.dtype(), [&]<class T>(Type<T>) {
    const Index per_head = (sizes.queries + kRows - 1) / kRows, units = sizes.batch * sizes.heads * per_head;
    const Tiling<T> tiling(call, tape, kRows, kCols, 1, 2, units);
    T* const kept = sums.defined() ? sums.data<T>() : nullptr;
    parallel_units(tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      const Index head = unit / per_head;
      forward_block(tiling, s, head / sizes.heads, head % sizes.heads, unit % per_head, y, kept);
    });
  });
  return y;
}

void streaming_backward(const AttentionCall& call, Tape& tape, const Tensor& y, const Tensor& sums, const Tensor& dy,
                        AttentionGradients& to) {
  const AttentionSizes& sizes = call.layout.sizes;
  dispatch(dy.dtype(), [&]<class T>(Type<T>) {
    const Index units = sizes.batch * sizes.kv_heads;
    const Tiling<T> tiling(call, tape, kRows, kCols, 3, 1, units);
    parallel_units(tape.threads(), units, [&](Index worker, Index unit) {
      TileScratch<T> s = tiling.scratch(worker);
      StreamingForm<T> form{tiling, call.layout.o.of<const T>(y), call.layout.o.of<const T>(dy), sums.data<T>()};
      backward_unit(tiling, s, form, dy, to, unit / sizes.kv_heads, unit % sizes.kv_heads);
    });
  });
}

}  // namespace tempera::detail
