#include "attention/streaming_columns.h"

namespace tempera::detail {
namespace {

using kernels::Transpose;

// W = exp(S - L),  dS = W (dW - delta),  delta = <dO, O> of the query: for all queries that read one key head.
template <class T>
class BackwardUnit {
 public:
  BackwardUnit(const Heads<T>& heads, Scratch<T>& s, const Tensor& y, const T* sums, const Tensor& dy,
               AttentionGradients& to, Index i, Index kv_head)
      : heads_(heads),
        s_(s),
        sums_(sums),
        to_(to),
        i_(i),
        b_(heads.sequences.first(i)),
        queries_(heads.sequences.queries(i)),
        kv_head_(kv_head),
        o_(layout_.o.template of<const T>(y)),
        g_(layout_.o.template of<const T>(dy)),
        dq_(view(layout_.q)),
        dk_(view(layout_.k)),
        dv_(view(layout_.v)) {}

  void fetch() const {
    const Index h = kv_head_ * sizes_.group(), keys = heads_.sequences.keys(i_);
    fetch_rows(heads_.q, b_, h, queries_, sizes_.width);
    fetch_rows(heads_.k, b_, kv_head_, keys, sizes_.width);
    fetch_rows(heads_.v, b_, kv_head_, keys, sizes_.value_width);
    fetch_rows(o_, b_, h, queries_, sizes_.value_width);
    fetch_rows(g_, b_, h, queries_, sizes_.value_width);
    fetch_rows(dq_, b_, h, queries_, sizes_.width);
    fetch_rows(dk_, b_, kv_head_, keys, sizes_.width);
    fetch_rows(dv_, b_, kv_head_, keys, sizes_.value_width);
  }
  static ScratchSizes scratch(const AttentionSizes& sizes, const Sequences& sequences) {
    const Index cols = std::min(kCols, sequences.most_keys());
    return {
        2,
        cols,
        sizes.group() * round_up(sequences.most_queries(), kRows),
        {columns_size<T>(sizes.width), columns_size<T>(sizes.value_width), kernels::packed_size<T>(sizes.width, cols),
         kernels::packed_size<T>(std::max(sizes.width, sizes.value_width), kRows)}};
  }

  void run() {
    Range all{};
    each_block([&](Index h, Index first) {
      all = both(all, s_.sight->whole);
      find_deltas(h, first, s_.sight->count);
      if (dq_.at && !adds(layout_.q))
        s_.sight->each_blind(
            [&](Index query, Index count) { fill_rows(dq_, b_, h, first + query, count, sizes_.width); });
    });
    TileRows<T> key_rows(heads_.k, b_, kv_head_, sizes_.width, sizes_.group() * queries_ > kRows, s_.packed[2]);
    for (Index at = all.first / kCols * kCols; at < all.last; at += kCols) {
      const Range tile{at, std::min(at + kCols, all.last)};
      if (dq_.at) key_rows.enter(tile);
      each_block([&](Index h, Index first) {
        s_.sight->narrow(tile);
        const Range keys = s_.sight->by(0, s_.sight->vectors);
        if (keys.count() > 0) meet(h, first, at, keys, key_rows);
      });
    }
    write_to(heads_.sequences.keys(i_));
  }

 private:
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
      for (Index first = 0; first < queries_; first += kRows) {
        s_.sight->look(heads_.sequences, i_, first, std::min(kRows, queries_ - first));
        f(h, first);
      }
  }
  T* delta_of(Index h) const { return s_.delta + (h - kv_head_ * sizes_.group()) * round_up(queries_, kRows); }

  void find_deltas(Index h, Index first, Index count) {
    constexpr Index W = lane_width<T>;
    for (Index at = 0; at < count; at += W) {
      Lanes<T> dots[W];
      for (Index r = 0; r < W; ++r) {
        dots[r] = Lanes<T>(0);
        if (at + r >= count) continue;
        const T *o = o_(b_, h, first + at + r), *g = g_(b_, h, first + at + r);
        vectors<T>(0, sizes_.value_width,
                   [&](Index c, auto n) { dots[r] += load<T>(o + c, n, 0) * load<T>(g + c, n, 0); });
      }
      Lanes<T>::lane_sums(dots).store(delta_of(h) + first + at);
    }
  }

  // What a block of queries and the keys that it sees of a tile give each other.
  void meet(Index h, Index first, Index at, Range keys, const TileRows<T>& key_rows) {
    const Sight<T>& sight = *s_.sight;
    const Index count = sight.count;
    T *const w = s_.tile[0], *const ds = s_.tile[1];
    pack_columns(heads_.q, b_, h, first, count, sizes_.width, s_.packed[0]);
    pack_columns(g_, b_, h, first, count, sizes_.value_width, s_.packed[1]);
    heads_.scores(sight, b_, h, first, at, s_.packed[0], w);
    heads_.products(sight, heads_.v, b_, h, at, sizes_.value_width, 1, s_.packed[1], ds);
    const T* const sums = sums_ + (h * sizes_.batch + b_) * sizes_.queries + first;
    vectors<T>(0, count, [&](Index r, auto n) { load<T>(sums + r, n, 0).store(s_.factor + r); });
    each_strip(sight, [&](Index query, Index strip, Range seen) {
      // What is not seen by a strip enters no product, but is shown to a bias.
      for (Index v = query / lane_width<T>; v * lane_width<T> < query + strip; ++v)
        gradient(v, heads_.call.bias ? keys : seen, s_.factor, delta_of(h) + first, w, ds);
    });
    write_to(at + keys.first);
    if (dv_.at) add_rows(g_, h, first, sizes_.value_width, 1, w, dv_, at, adds(layout_.v));
    if (dk_.at)
      add_rows(heads_.q, h, first, sizes_.width, static_cast<T>(heads_.call.scale), ds, dk_, at, adds(layout_.k));
    written_ = std::max(written_, at + keys.last);
    if (heads_.call.bias)
      heads_.call.bias->backward(heads_.bias_block(sight, h, first, at, keys), std::as_const(ds) + keys.first * kRows,
                                 gradients_of<T>(to_.bias_parameters, b_, h));
    if (dq_.at)
      each_strip(sight, [&](Index query, Index strip, Range seen) {
        const bool begun = adds(layout_.q) || sight.of_strip(query).first < at;
        key_rows.multiply(seen, strip, static_cast<T>(heads_.call.scale), ds + seen.first * kRows + query,
                          begun ? T(1) : T(0), dq_(b_, h, first + query), dq_.row);
      });
  }

  // S and dW of a vector of queries become W and dS, 0 where nothing is seen.
  void gradient(Index v, Range keys, const T* sums, const T* deltas, T* w, T* ds) const {
    constexpr Index W = lane_width<T>;
    const Range seen = s_.sight->some[static_cast<std::size_t>(v)];
    const Lanes<T> sum = Lanes<T>::load(sums + v * W), delta = Lanes<T>::load(deltas + v * W), none(0);
    const auto place = [&](Index key) { return key * kRows + v * W; };
    const auto clear = [&](Index from, Index to) {
      for (Index key = from; key < to; ++key) none.store(w + place(key)), none.store(ds + place(key));
    };
    clear(keys.first, std::min(seen.first, keys.last));
    clear(std::max(keys.first, seen.last), keys.last);
    s_.sight->each_edge(v, [&](Index key, auto mask) {
      where(mask, Lanes<T>::load(w + place(key)), Lanes<T>(kLow<T>)).store(w + place(key));
      where(mask, Lanes<T>::load(ds + place(key)), none).store(ds + place(key));
    });
    for (Index key = seen.first; key < seen.last; ++key) {
      const Lanes<T> weight = exp(Lanes<T>::load(w + place(key)) - sum);
      weight.store(w + place(key));
      (weight * (Lanes<T>::load(ds + place(key)) - delta)).store(ds + place(key));
    }
  }

  // Zeros for keys before `key` that nobody has written to.
  void write_to(Index key) {
    if (key <= written_) return;
    if (dk_.at && !adds(layout_.k)) fill_rows(dk_, b_, kv_head_, written_, key - written_, sizes_.width);
    if (dv_.at && !adds(layout_.v)) fill_rows(dv_, b_, kv_head_, written_, key - written_, sizes_.value_width);
    written_ = key;
  }

  // to [keys, width] += factor A X, A [keys, queries] and rows of X; what nobody has written to counts as 0.
  void add_rows(const HeadView<const T>& x, Index h, Index first, Index width, T factor, const T* a,
                const HeadView<T>& to, Index at, bool whole) {
    const bool packs = !kernels::gemm_reads<T>(width);
    s_.sight->each_run([&](Index query, Index count, Range keys) {
      if (packs && count > 0) kernels::pack(Transpose::no, width, count, x(b_, h, first + query), x.row, s_.packed[3]);
      const auto add = [&](Range part, T beta) {
        const T* const from = a + part.first * kRows + query;
        T* const out = to(b_, kv_head_, at + part.first);
        if (part.count() <= 0) return;
        if (count == 0) {
          if (beta == T(0)) fill_rows(to, b_, kv_head_, at + part.first, part.count(), width);
        } else if (packs) {
          kernels::gemm_packed(Transpose::no, part.count(), width, count, factor, from, kRows, s_.packed[3], count,
                               beta, out, to.row);
        } else {
          kernels::gemm_in_place(Transpose::no, part.count(), width, count, factor, from, kRows,
                                 x(b_, h, first + query), x.row, beta, out, to.row);
        }
      };
      const Index old = whole ? keys.last : std::clamp(written_ - at, keys.first, keys.last);
      add({keys.first, old}, T(1));
      add({old, keys.last}, T(0));
    });
  }

  const Heads<T>& heads_;
  Scratch<T>& s_;
  const T* sums_;
  AttentionGradients& to_;
  const AttentionLayout& layout_ = heads_.call.layout;
  const AttentionSizes& sizes_ = heads_.sizes;
  Index i_, b_, queries_, kv_head_;
  Index written_ = 0;  // keys whose gradients somebody has written
  HeadView<const T> o_, g_;
  HeadView<T> dq_, dk_, dv_;
};

}  // namespace

void streaming_backward(const AttentionCall& call, Tape& tape, const Tensor& y, const Tensor& sums, const Tensor& dy,
                        AttentionGradients& to) {
  dispatch(dy.dtype(), [&]<class T>(Type<T>) {
    const Heads<T> heads(call);
    const AttentionSizes& sizes = heads.sizes;
    const Index units = heads.sequences.count() * sizes.kv_heads;
    each_unit<T>(
        tape, tape.threads(), units, BackwardUnit<T>::scratch(sizes, heads.sequences), [&](Scratch<T>& s, Index unit) {
          const auto of = [&](Index u) {
            return BackwardUnit<T>(heads, s, y, sums.data<T>(), dy, to, u / sizes.kv_heads, u % sizes.kv_heads);
          };
          if (unit + 1 < units) of(unit + 1).fetch();
          of(unit).run();
        });
  });
}

}  // namespace tempera::detail
