// The unrecorded siblings of pointwise(): what forward and backward functions of other operations are written with.
#pragma once

#include <array>

#include "core/pointwise.h"

namespace tempera {

// Throws Error(who, ...) when `x` is int32.
inline void require_floating(const Tensor& x, std::string_view name, std::string_view who) {
  require(is_floating(x.dtype()), who, "{} is {}; float32 or float64 was wanted; convert it with Tensor::to", name, x);
}

namespace detail {

template <class T, bool Add, class F, std::size_t... I>
void apply(int threads, Tensor& out, const F& f, const std::array<const Tensor*, sizeof...(I)>& x,
           std::index_sequence<I...>) {
  constexpr int N = 1 + static_cast<int>(sizeof...(I));
  // The output is an input too: it gives the shape, and its old value is read where Add.
  const BroadcastLoops<N> loops({out.shape(), x[I]->shape()...}, "apply");
  const auto g = [f](auto old, auto... a) {
    if constexpr (Add) return old + f(a...);
    else return (static_cast<void>(old), f(a...));
  };
  T* y = out.data<T>();
  pointwise_forward<T, N>(g, loops, {y, x[I]->template data<T>()...}, y, threads);
}

}  // namespace detail

// to.grad (+)= f(x...), the inputs broadcast to the shape of to.grad. An input may be to.grad's own buffer.
template <class F, class... X>
void apply(int threads, Into to, const F& f, const X&... x) {
  const std::array<const Tensor*, sizeof...(X)> inputs{&x...};
  constexpr auto all = std::make_index_sequence<sizeof...(X)>{};
  dispatch(to.grad.dtype(), [&]<class T>(Type<T>) {
    if (to.add) detail::apply<T, true>(threads, to.grad, f, inputs, all);
    else detail::apply<T, false>(threads, to.grad, f, inputs, all);
  });
}

}  // namespace tempera
