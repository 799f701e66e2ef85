// pointwise: a lambda over numbers is a fused, differentiable, broadcasting kernel.
//
//   Var swiglu = pointwise([](auto gate, auto up) { return gate * sigmoid(gate) * up; }, a, b);
//
// y[i] = f(x1[i], ..., xN[i]) over the broadcast shape; dxk = sum of dy * df/dxk over the elements that
// read xk. Forward is one pass over memory on Lanes; backward is one pass on Dual numbers that reads the inputs
// and dy. The lambda must be a pure function; besides operators it may use exp, log, log1p, expm1, tanh, erf,
// sigmoid, softplus, sqrt, rsqrt, pow, sin, cos, abs, square, min, max, clamp, where(condition, a, b) and detach.
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "core/broadcast.h"
#include "core/dual.h"
#include "core/parallel.h"
#include "core/tape.h"

namespace tempera {

extern const Op pointwise_op;  // the name under which anonymous lambdas are recorded

namespace detail {

inline constexpr Index kPointwisePanel = 16384;  // elements: 64 KiB of float, half of a small L1 plus L2 traffic

// One input as the inner loop sees it: it advances with the output, or is one value for the whole run.
template <class T>
struct Reader {
  const T* at;
  Index step;
  Lanes<T> splat;

  Reader(const T* from, Index step_) : at(from), step(step_), splat(step_ ? T(0) : *from) {}
  TEMPERA_INLINE Lanes<T> full(Index i) const { return step ? Lanes<T>::load(at + i) : splat; }
  // Tail lanes repeat a value that occurs, so a lambda is never evaluated where no element lies.
  TEMPERA_INLINE Lanes<T> tail(Index i, Index count) const {
    return step ? Lanes<T>::load(at + i, count, at[i]) : splat;
  }
};

template <class T, int N, class F, std::size_t... I>
void pointwise_run(const F& f, const std::array<Reader<T>, N>& in, T* out, Index count, std::index_sequence<I...>) {
  constexpr Index W = lane_width<T>;
  Index i = 0;
  for (; i + W <= count; i += W) Lanes<T>(f(in[I].full(i)...)).store(out + i);
  if (i < count) Lanes<T>(f(in[I].tail(i, count - i)...)).store(out + i, count - i);
}

template <int N>
struct PointwisePanels {
  // A panel is a range of runs, or of elements where there is one run.
  explicit PointwisePanels(const BroadcastLoops<N>& loops)
      : split_inner(loops.outer() == 1),
        count(split_inner ? loops.inner() : loops.outer()),
        grain(split_inner ? kPointwisePanel : std::max<Index>(1, kPointwisePanel / std::max<Index>(1, loops.inner()))) {
  }
  bool split_inner;
  Index count, grain;
};

template <class T, int N, std::size_t... I>
std::array<Reader<T>, N> readers(const std::array<const T*, N>& x, const std::array<Index, N>& offset,
                                 const BroadcastLoops<N>& loops, Index first, std::index_sequence<I...>) {
  return {Reader<T>(x[I] + offset[I] + first * loops.step(I), loops.step(I))...};
}

template <class T, int N, class F>
void pointwise_forward(const F& f, const BroadcastLoops<N>& loops, const std::array<const T*, N>& x, T* y,
                       int threads) {
  constexpr auto all = std::make_index_sequence<N>{};
  const PointwisePanels<N> panels(loops);
  parallel_panels(threads, panels.count, panels.grain, [&](Index first, Index last) {
    if (panels.split_inner)
      return pointwise_run<T, N>(f, readers<T, N>(x, {}, loops, first, all), y + first, last - first, all);
    for (Index run = first; run < last; ++run)
      pointwise_run<T, N>(f, readers<T, N>(x, loops.offsets(run), loops, 0, all), y + run * loops.inner(),
                          loops.inner(), all);
  });
}

// One input's gradient as the inner loop sees it.
template <class T>
struct Writer {
  T* at;  // null: not wanted
  Index step;
  bool add;
  Lanes<T> sum = 0;

  TEMPERA_INLINE void put(Index i, Lanes<T> g) {
    if (!at) return;
    if (!step) sum += g;
    else (add ? Lanes<T>::load(at + i) + g : g).store(at + i);
  }
  TEMPERA_INLINE void put_tail(Index i, Index count, Lanes<T> g) {
    if (!at) return;
    if (!step) sum += Lanes<T>::load(reinterpret_cast<const T*>(&g.v), count);
    else (add ? Lanes<T>::load(at + i, count) + g : g).store(at + i, count);
  }
  TEMPERA_INLINE void finish() {
    if (at && !step) *at = (add ? *at : T(0)) + lane_sum(sum);
  }
};

template <class T, int N, class F, std::size_t... I>
void pointwise_run_backward(const F& f, const std::array<Reader<T>, N>& in, std::array<Writer<T>, N>& out, const T* dy,
                            Index count, std::index_sequence<I...>) {
  constexpr Index W = lane_width<T>;
  using D = Dual<T, N>;
  Index i = 0;
  for (; i + W <= count; i += W) {
    const D y = f(D::input(in[I].full(i), static_cast<int>(I))...);
    const Lanes<T> g = Lanes<T>::load(dy + i);
    (out[I].put(i, g * y.d[I]), ...);
  }
  if (i < count) {
    const D y = f(D::input(in[I].tail(i, count - i), static_cast<int>(I))...);
    const Lanes<T> g = Lanes<T>::load(dy + i, count - i);
    (out[I].put_tail(i, count - i, g * y.d[I]), ...);
  }
  (out[I].finish(), ...);
}

template <class T, int N, class F, std::size_t... I>
void pointwise_backward(const F& f, const BroadcastLoops<N>& loops, const std::array<const T*, N>& x,
                        const std::array<T*, N>& dx, const std::array<bool, N>& add, const T* dy, int threads,
                        std::index_sequence<I...> all) {
  const PointwisePanels<N> panels(loops);
  // A gradient that sums over runs is written by one thread, in the order of the runs.
  const bool shared = ((dx[I] && loops.reduced(I)) || ...);
  const auto writers = [&](const std::array<Index, N>& offset, Index first) {
    return std::array<Writer<T>, N>{Writer<T>{dx[I] ? dx[I] + offset[I] + first * loops.step(I) : nullptr,
                                              loops.step(I), add[I] || loops.reduced(I)}...};
  };
  parallel_panels(shared ? 1 : threads, panels.count, panels.grain, [&](Index first, Index last) {
    if (panels.split_inner) {
      auto out = writers({}, first);
      return pointwise_run_backward<T, N>(f, readers<T, N>(x, {}, loops, first, all), out, dy + first, last - first,
                                          all);
    }
    for (Index run = first; run < last; ++run) {
      const std::array<Index, N> offset = loops.offsets(run);
      auto out = writers(offset, 0);
      pointwise_run_backward<T, N>(f, readers<T, N>(x, offset, loops, 0, all), out, dy + run * loops.inner(),
                                   loops.inner(), all);
    }
  });
}

}  // namespace detail

// Recorded as `op`; inputs of one dtype, shapes that broadcast.
template <class F, class... V>
requires(std::is_same_v<V, Var>&&...) Var pointwise(const Op& op, F f, const Var& first, const V&... rest) {
  constexpr int N = 1 + static_cast<int>(sizeof...(V));
  const BroadcastLoops<N> loops({first.shape(), rest.shape()...}, op.name);
  ((require(rest.dtype() == first.dtype(), op.name, "inputs are {} and {}; convert one of them", first.dtype(),
            rest.dtype())),
   ...);
  Tape& tape = first.tape();
  Tensor y = tape.empty(loops.shape(), first.dtype());
  std::array<Tensor, N> x{first.value(), rest.value()...};
  dispatch(first.dtype(), [&]<class T>(Type<T>) {
    std::array<const T*, N> in;
    for (std::size_t i = 0; i < N; ++i) in[i] = std::as_const(x[i]).template data<T>();
    detail::pointwise_forward<T, N>(f, loops, in, y.data<T>(), tape.threads());
  });
  return Tape::record(op, {first, rest...}, std::move(y), [f, x, loops](const Tensor& dy, Gradients& dx) {
    std::array<Into, N> to;
    for (int i = 0; i < N; ++i)
      if (dx.wanted(i)) {
        const auto at = static_cast<std::size_t>(i);
        to[at] = dx.into(i);
        if (!to[at].add && loops.reduced(at)) to[at].grad.fill(0);
      }
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      std::array<const T*, N> in;
      std::array<T*, N> out{};
      std::array<bool, N> add{};
      for (std::size_t i = 0; i < N; ++i) {
        in[i] = x[i].template data<T>();
        if (to[i].grad.defined()) out[i] = to[i].grad.template data<T>();
        add[i] = to[i].add;
      }
      detail::pointwise_backward<T, N>(f, loops, in, out, add, dy.data<T>(), dx.tape().threads(),
                                       std::make_index_sequence<N>{});
    });
  });
}

template <class F, class... V>
requires(!std::is_same_v<F, Op>) Var pointwise(F f, const Var& first, const V&... rest) {
  return pointwise(pointwise_op, std::move(f), first, rest...);
}

}  // namespace tempera
