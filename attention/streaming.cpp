#include "attention/streaming_columns.h"

namespace tempera::detail {
namespace {

constexpr Index kWorthAThread = 1 << 17;  // multiplications; below, one thread is faster than two
constexpr Index kGroup = 4;               // blocks of queries that share a packed tile of values
constexpr Index kFewQueries = 8;          // with fewer, lanes would stay empty

using kernels::Transpose;

// The sum over keys in the order of a row's vectors: of every lane_width'th key, and of those along the tree of
// lane_sum().
template <class T>
Lanes<T> sum_of(const T* s, Range keys) {
  constexpr Index W = lane_width<T>;
  Lanes<T> part[W];
  for (Index i = 0; i < W; ++i) {
    part[i] = Lanes<T>(0);
    for (Index key = keys.first + ((i - keys.first) & (W - 1)); key < keys.last; key += W)
      part[i] += Lanes<T>::load(s + key * kRows);
  }
  for (Index half = W / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

// Scores of one vector of queries become exponentials, 0 where nothing is seen; maxima and sums move on. Returns what
// earlier sums are worth now.
template <class T>
Lanes<T> take_in(const Sight<T>& sight, Index vector, Range keys, T* scores, T* tops, T* totals) {
  constexpr Index W = lane_width<T>;
  const Range seen = sight.some[static_cast<std::size_t>(vector)];
  T* const s = scores + vector * W;
  const auto at = [&](Index key) { return s + key * kRows; };
  for (Index key = keys.first; key < seen.first; ++key) Lanes<T>(0).store(at(key));
  for (Index key = std::max(keys.first, seen.last); key < keys.last; ++key) Lanes<T>(0).store(at(key));
  sight.each_edge(
      vector, [&](Index key, auto mask) { where(mask, Lanes<T>::load(at(key)), Lanes<T>(kLow<T>)).store(at(key)); });
  const Lanes<T> before = Lanes<T>::load(tops + vector * W);
  Lanes<T> even = before, odd(kLow<T>);
  Index key = seen.first;
  for (; key + 1 < seen.last; key += 2) {
    even = larger(Lanes<T>::load(at(key)), even);
    odd = larger(Lanes<T>::load(at(key + 1)), odd);
  }
  if (key < seen.last) even = larger(Lanes<T>::load(at(key)), even);
  const Lanes<T> top = larger(odd, even);
  top.store(tops + vector * W);
  // Without a finite score yet the shift is 0, so that exp(-inf) is 0 and not NaN.
  const Lanes<T> shift = where(top == Lanes<T>(kLow<T>), Lanes<T>(0), top);
  for (key = seen.first; key < seen.last; ++key) exp(Lanes<T>::load(at(key)) - shift).store(at(key));
  const Lanes<T> sum = sum_of(s, seen);
  const Lanes<T> factor = where(before == Lanes<T>(kLow<T>) || before == top, Lanes<T>(1), exp(before - shift));
  (Lanes<T>::load(totals + vector * W) * factor + sum).store(totals + vector * W);
  return factor;
}

// Blocks [number, last) of the queries of a head.
template <class T>
void forward_blocks(const Heads<T>& heads, Scratch<T>& s, Index i, Index h, Index number, Index last, Tensor& y,
                    T* sums) {
  constexpr Index W = lane_width<T>;
  const AttentionSizes& sizes = heads.sizes;
  const Index b = heads.sequences.first(i), queries = heads.sequences.queries(i), width = sizes.value_width,
              kv_head = h / sizes.group();
  const auto o = heads.call.layout.o.template of<T>(y);
  const auto block_of = [&](Index block) { return std::min(kRows, queries - block * kRows); };
  TileRows<T> values(heads.v, b, kv_head, width, last - number > 1, s.packed[0]);
  Range all{};
  for (Index block = number; block < last; ++block) {
    const Index first = block * kRows, count = block_of(block);
    s.sight->look(heads.sequences, i, first, count);
    const Range seen = s.sight->whole;
    if (seen.count() == 0) fill_rows(o, b, h, first, count, width);
    all = both(all, seen);
    pack_columns(heads.q, b, h, first, count, sizes.width,
                 s.packed[1] + (block - number) * columns_size<T>(sizes.width));
  }
  std::fill_n(s.top, (last - number) * kRows, kLow<T>);
  std::fill_n(s.total, (last - number) * kRows, T(0));
  std::array<std::array<bool, kRows / W>, kGroup> begun{};
  for (Index at = all.first / kCols * kCols; at < all.last; at += kCols) {
    const Range tile{at, std::min(at + kCols, all.last)};
    values.enter(tile);
    for (Index block = number; block < last; ++block) {
      const Index first = block * kRows, own = block - number;
      if (last - number > 1) s.sight->look(heads.sequences, i, first, block_of(block));
      s.sight->narrow(tile);
      heads.scores(*s.sight, b, h, first, at, s.packed[1] + own * columns_size<T>(sizes.width), s.tile[0]);
      each_strip(*s.sight, [&](Index query, Index count, Range keys) {
        for (Index v = query / W; v * W < query + count; ++v)
          take_in(*s.sight, v, keys, s.tile[0], s.top + own * kRows, s.total + own * kRows).store(s.factor + v * W);
        bool& adds = begun[static_cast<std::size_t>(own)][static_cast<std::size_t>(query / W)];
        if (adds)
          for (Index r = query; r < query + count; ++r)
            if (s.factor[r] != T(1)) scale_row(o(b, h, first + r), width, s.factor[r]);
        values.multiply(keys, count, 1, s.tile[0] + keys.first * kRows + query, adds ? T(1) : T(0),
                        o(b, h, first + query), o.row);
        adds = true;
      });
    }
  }
  for (Index block = number; block < last; ++block) {
    const Index first = block * kRows, count = block_of(block), own = block - number;
    T* const kept = sums ? sums + (h * sizes.batch + b) * sizes.queries + first : nullptr;
    vectors<T>(0, count, [&](Index r, auto n) {
      const Lanes<T> sum = load<T>(s.total + own * kRows + r, n, 0), none = Lanes<T>(0);
      where(sum == none, Lanes<T>(1), Lanes<T>(1) / sum).store(s.factor + r);
      if (kept)
        store(where(sum == none, Lanes<T>(-kLow<T>), load<T>(s.top + own * kRows + r, n, 0) + log(sum)), kept + r, n);
    });
    for (Index query = 0; query < count; query += kStrip<T>) {
      const Index end = std::min(count, query + kStrip<T>);
      if (begun[static_cast<std::size_t>(own)][static_cast<std::size_t>(query / W)])
        for (Index r = query; r < end; ++r) scale_row(o(b, h, first + r), width, s.factor[r]);
      else fill_rows(o, b, h, first + query, end - query, width);
    }
  }
}

}  // namespace

Tensor streaming_forward(const AttentionCall& call, Tape& tape, Tensor& sums) {
  const AttentionSizes& sizes = call.layout.sizes;
  if (call.layout.packed_room > 0) return streaming_rows(call, tape, sums);
  return dispatch(call.sources[0].dtype(), [&]<class T>(Type<T>) {
    const Heads<T> heads(call);
    const Sequences& sequences = heads.sequences;
    if (sequences.most_queries() < kFewQueries) return streaming_rows(call, tape, sums);
    Tensor y = tape.empty(call.layout.output, call.sources[0].dtype());
    const Index blocks = (sequences.most_queries() + kRows - 1) / kRows, per_head = (blocks + kGroup - 1) / kGroup,
                units = sequences.count() * sizes.heads * per_head, cols = std::min(kCols, sequences.most_keys());
    const ScratchSizes room{1,
                            cols,
                            kGroup * kRows,
                            {kernels::packed_size<T>(sizes.value_width, cols), kGroup * columns_size<T>(sizes.width)}};
    T* const kept = sums.defined() ? sums.data<T>() : nullptr;
    const Index work = sizes.batch * sizes.heads * sizes.queries * sizes.keys * (sizes.width + sizes.value_width);
    each_unit<T>(tape, work < kWorthAThread ? 1 : tape.threads(), units, room, [&](Scratch<T>& s, Index unit) {
      const Index head = unit / per_head, i = head / sizes.heads, number = unit % per_head * kGroup;
      const Index own = (sequences.queries(i) + kRows - 1) / kRows;
      if (number < own)
        forward_blocks(heads, s, i, head % sizes.heads, number, std::min(own, number + kGroup), y, kept);
    });
    return y;
  });
}

}  // namespace tempera::detail
