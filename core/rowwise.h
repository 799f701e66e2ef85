// rowwise: reductions over the last axis, then a map, as one differentiable kernel.
//
//   // softmax: y = exp(x - m) / s,  m = max x,  s = sum exp(x - m)
//   Var y = rowwise([](auto x, auto m, auto s) { return exp(x - m) / s; },
//                   std::tuple(row_max([](auto x) { return x; }),
//                              row_sum([](auto x, auto m) { return exp(x - m); })),
//                   x);
//
// For inputs x_1 .. x_N that broadcast to [.., cols], every row computes
//
//   r_k = sum or max over j of g_k(x_1j .. x_Nj, r_1 .. r_{k-1})        k = 1 .. K
//   y_j = f(x_1j .. x_Nj, r_1 .. r_K)
//
// and backward, on Dual numbers, from the map to the first reduction,
//
//   d r_k = sum_j dy_j df/dr_k + sum over later reductions l of d r_l dg_l/dr_k
//   d x_ij = dy_j df/dx_i + sum over k of d r_k dg_k/dx_i        (for a maximum: at the entries that attain it, in
//                                                                  equal shares)
// A row passes through the cache once; the r_k of each row are kept.
#pragma once

#include <array>
#include <limits>
#include <tuple>
#include <utility>

#include "core/broadcast.h"
#include "core/dual.h"
#include "core/parallel.h"
#include "core/pointwise.h"
#include "core/tape.h"

namespace tempera {

extern const Op rowwise_op;  // the name under which anonymous lambdas are recorded

// A sum over the row of g(x.., earlier reductions..).
template <class G>
struct RowSum {
  static constexpr bool kMax = false, kShift = false;
  G g;
};
// A maximum over the row; -inf for a row without elements.
template <class G>
struct RowMax {
  static constexpr bool kMax = true, kShift = false;
  G g;
};
// A maximum that only keeps numbers small: the result must not depend on its value, so no gradient passes it.
template <class G>
struct RowShift {
  static constexpr bool kMax = true, kShift = true;
  G g;
};
template <class G>
RowSum<G> row_sum(G g) {
  return {g};
}
template <class G>
RowMax<G> row_max(G g) {
  return {g};
}
template <class G>
RowShift<G> row_shift(G g) {
  return {g};
}

namespace detail {

// One row's view of all inputs, and the lambdas evaluated over it. R are the reductions, F the map.
template <class T, int N, class F, class... R>
class RowKernel {
 public:
  static constexpr int K = static_cast<int>(sizeof...(R));
  using L = Lanes<T>;
  using Inputs = std::array<Reader<T>, N>;
  using Reduced = std::array<T, K>;

  RowKernel(const F& f, const std::tuple<R...>& reductions, Index cols) : f_(f), reductions_(reductions), cols_(cols) {}

  Reduced reduce(const Inputs& in) const {
    Reduced r{};
    reduce_from<0>(in, r);
    return r;
  }

  void map(const Inputs& in, const Reduced& r, T* y) const {
    lanes([&](Index i, Index count) { L(call<K>(f_, in, r, i, count)).store(y + i, count); });
  }

  // Writes the gradients of one row. dy is the row's incoming gradient.
  void backward(const Inputs& in, const Reduced& r, const T* dy, std::array<Writer<T>, N>& out) const {
    std::array<T, K> dr{};
    std::array<L, K> sums;
    sums.fill(L(0));
    lanes([&](Index i, Index count) {
      const L g = L::load(dy + i, count);
      const Dual<T, N + K> y = call_dual<K>(f_, in, r, i, count);
      for (std::size_t k = 0; k < K; ++k) sums[k] += g * tail_zero(y.d[N + k], count);
    });
    for (std::size_t k = 0; k < K; ++k) dr[k] = lane_sum(sums[k]);
    std::array<T, K> share{};  // of each entry that attains a maximum
    reduce_gradients<K - 1>(in, r, dr, share);
    lanes([&](Index i, Index count) {
      const L g = L::load(dy + i, count);
      const Dual<T, N + K> y = call_dual<K>(f_, in, r, i, count);
      std::array<L, N> dx;
      for (std::size_t n = 0; n < N; ++n) dx[n] = g * y.d[n];
      add_reductions(in, r, dr, share, i, count, dx, std::make_index_sequence<K>{});
      for (std::size_t n = 0; n < N; ++n) write(out[n], i, count, dx[n]);
    });
    for (Writer<T>& writer : out) writer.finish();
  }

 private:
  static constexpr Index W = lane_width<T>;

  // Lanes beyond the row carry a repeated element; they must not count.
  static L tail_zero(L x, Index count) {
    if (count == W) return x;
    T buffer[W];
    x.store(buffer);
    return L::load(buffer, count);
  }
  static L tail_low(L x, Index count) {
    if (count == W) return x;
    T buffer[W];
    x.store(buffer);
    return L::load(buffer, count, -std::numeric_limits<T>::infinity());
  }
  static void write(Writer<T>& out, Index i, Index count, L value) {
    if (count == W) out.put(i, value);
    else out.put_tail(i, count, value);
  }

  template <class Body>
  void lanes(Body&& body) const {
    Index i = 0;
    for (; i + W <= cols_; i += W) body(i, W);
    if (i < cols_) body(i, cols_ - i);
  }

  // g(inputs at i, the first k reductions) on plain lanes, and on duals over all N + K variables.
  template <int k, class G>
  L call(const G& g, const Inputs& in, const Reduced& r, Index i, Index count) const {
    return [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>, std::index_sequence<J...>) {
      return L(g((count == W ? in[I].full(i) : in[I].tail(i, count))..., L(r[J])...));
    }
    (std::make_index_sequence<N>{}, std::make_index_sequence<static_cast<std::size_t>(k)>{});
  }
  template <int k, class G>
  Dual<T, N + K> call_dual(const G& g, const Inputs& in, const Reduced& r, Index i, Index count) const {
    using D = Dual<T, N + K>;
    return [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>, std::index_sequence<J...>) {
      return D(g(D::input(count == W ? in[I].full(i) : in[I].tail(i, count), static_cast<int>(I))...,
                 D::input(L(r[J]), N + static_cast<int>(J))...));
    }
    (std::make_index_sequence<N>{}, std::make_index_sequence<static_cast<std::size_t>(k)>{});
  }

  template <int k>
  void reduce_from(const Inputs& in, Reduced& r) const {
    if constexpr (k < K) {
      const auto& reduction = std::get<k>(reductions_);
      constexpr bool is_max = std::remove_cvref_t<decltype(reduction)>::kMax;
      L total(is_max ? -std::numeric_limits<T>::infinity() : T(0));
      lanes([&](Index i, Index count) {
        const L value = call<k>(reduction.g, in, r, i, count);
        if constexpr (is_max) total = max(total, tail_low(value, count));
        else total += tail_zero(value, count);
      });
      r[k] = is_max ? lane_max(total) : lane_sum(total);
      reduce_from<k + 1>(in, r);
    }
  }

  // 1 where g attains the maximum r.
  template <int k, class G>
  L attained(const G& g, const Inputs& in, const Reduced& r, Index i, Index count) const {
    return tail_zero(where(call<k>(g, in, r, i, count) == L(r[k]), L(1), L(0)), count);
  }

  // Completes dr from the last reduction down: reduction k hands dr[k] on to those before it.
  template <int k>
  void reduce_gradients(const Inputs& in, const Reduced& r, std::array<T, K>& dr, std::array<T, K>& share) const {
    if constexpr (k >= 0) {
      const auto& reduction = std::get<k>(reductions_);
      using Kind = std::remove_cvref_t<decltype(reduction)>;
      constexpr auto at = static_cast<std::size_t>(k);
      if constexpr (Kind::kShift) dr[at] = 0;
      share[at] = 1;
      if constexpr (Kind::kMax && !Kind::kShift) {
        L ties(0);
        lanes([&](Index i, Index count) { ties += attained<k>(reduction.g, in, r, i, count); });
        share[at] = 1 / std::max(T(1), lane_sum(ties));
      }
      if constexpr (k > 0 && !Kind::kShift) {
        std::array<L, at> sums;
        sums.fill(L(0));
        lanes([&](Index i, Index count) {
          const Dual<T, N + K> y = call_dual<k>(reduction.g, in, r, i, count);
          L weight(dr[at] * share[at]);
          if constexpr (Kind::kMax) weight *= attained<k>(reduction.g, in, r, i, count);
          for (std::size_t j = 0; j < at; ++j) sums[j] += tail_zero(weight * y.d[N + j], count);
        });
        for (std::size_t j = 0; j < at; ++j) dr[j] += lane_sum(sums[j]);
      }
      reduce_gradients<k - 1>(in, r, dr, share);
    }
  }

  template <std::size_t... k>
  void add_reductions(const Inputs& in, const Reduced& r, const std::array<T, K>& dr, const std::array<T, K>& share,
                      [[maybe_unused]] Index i, [[maybe_unused]] Index count, std::array<L, N>& dx,
                      std::index_sequence<k...>) const {
    (add_reduction<static_cast<int>(k)>(in, r, dr[k] * share[k], i, count, dx), ...);
  }
  template <int k>
  void add_reduction(const Inputs& in, const Reduced& r, T weight, Index i, Index count, std::array<L, N>& dx) const {
    const auto& reduction = std::get<k>(reductions_);
    using Kind = std::remove_cvref_t<decltype(reduction)>;
    if constexpr (!Kind::kShift) {
      const Dual<T, N + K> y = call_dual<k>(reduction.g, in, r, i, count);
      L w(weight);
      if constexpr (Kind::kMax) w *= attained<k>(reduction.g, in, r, i, count);
      for (std::size_t n = 0; n < N; ++n) dx[n] += w * y.d[n];
    }
  }

  const F& f_;
  const std::tuple<R...>& reductions_;
  Index cols_;
};

}  // namespace detail

// Recorded as `op`; inputs of one dtype and rank >= 1, shapes that broadcast.
template <class F, class... R, class... V>
Var rowwise(const Op& op, F f, std::tuple<R...> reductions, const Var& first, const V&... rest) {
  constexpr int N = 1 + static_cast<int>(sizeof...(V));
  constexpr int K = static_cast<int>(sizeof...(R));
  constexpr Index kRows = 16;
  const BroadcastLoops<N> loops({first.shape(), rest.shape()...}, op.name, true);
  require(loops.shape().rank() >= 1, op.name, "a row was wanted, but every input is a scalar");
  ((require(rest.dtype() == first.dtype(), op.name, "inputs are {} and {}; convert one of them", first.dtype(),
            rest.dtype())),
   ...);
  Tape& tape = first.tape();
  const Index cols = loops.inner(), rows = loops.outer();
  Tensor y = tape.empty(loops.shape(), first.dtype());
  Tensor reduced = tape.empty({rows, K}, first.dtype());
  const std::array<Tensor, N> x{first.value(), rest.value()...};
  // Sets up the kernel and the readers of a row, in the forward and the backward pass alike.
  const auto with_rows = [f, reductions, loops, x, cols]<class T>(Type<T>, int threads, auto&& body) {
    const detail::RowKernel<T, N, F, R...> kernel(f, reductions, cols);
    std::array<const T*, N> in;
    for (std::size_t i = 0; i < N; ++i) in[i] = x[i].template data<T>();
    parallel_panels(threads, loops.outer(), kRows, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const std::array<Index, N> offset = loops.offsets(row);
        body(kernel, detail::readers<T, N>(in, offset, loops, 0, std::make_index_sequence<N>{}), offset, row);
      }
    });
  };
  dispatch(first.dtype(), [&]<class T>(Type<T> type) {
    T *py = y.data<T>(), *pr = reduced.data<T>();
    with_rows(type, tape.threads(), [&](const auto& kernel, const auto& in, const auto&, Index row) {
      const auto r = kernel.reduce(in);
      std::copy(r.begin(), r.end(), pr + row * K);
      kernel.map(in, r, py + row * cols);
    });
  });
  return Tape::record(
      op, {first, rest...}, std::move(y), [with_rows, loops, reduced, cols](const Tensor& dy, Gradients& dx) {
        std::array<Into, N> to;
        bool shared = false;
        for (int i = 0; i < N; ++i) {
          const auto at = static_cast<std::size_t>(i);
          if (!dx.wanted(i)) continue;
          to[at] = dx.into(i);
          shared = shared || loops.reduced(at);
          if (!to[at].add && loops.reduced(at)) to[at].grad.fill(0);
        }
        // A gradient that sums over rows is written by one thread, in the order of the rows.
        dispatch(dy.dtype(), [&]<class T>(Type<T> type) {
          const T *g = dy.data<T>(), *pr = reduced.data<T>();
          with_rows(type, shared ? 1 : dx.tape().threads(),
                    [&](const auto& kernel, const auto& in, const auto& offset, Index row) {
                      std::array<T, K> r;
                      std::copy_n(pr + row * K, K, r.begin());
                      std::array<detail::Writer<T>, N> out;
                      for (std::size_t i = 0; i < N; ++i)
                        out[i] = {to[i].grad.defined() ? to[i].grad.template data<T>() + offset[i] : nullptr,
                                  loops.step(i), to[i].add || loops.reduced(i)};
                      kernel.backward(in, r, g + row * cols, out);
                    });
        });
      });
}

template <class F, class... R, class... V>
Var rowwise(F f, std::tuple<R...> reductions, const Var& first, const V&... rest) {
  return rowwise(rowwise_op, std::move(f), std::move(reductions), first, rest...);
}

}  // namespace tempera
