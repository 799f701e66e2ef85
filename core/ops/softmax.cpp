#include "core/ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/axis.h"
#include "core/lanes.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kRows = 64;

// y = softmax(x) for one row of `n` neighbouring elements.
template <class T>
void forward_row(const T* x, T* y, Index n) {
  constexpr Index W = lane_width<T>;
  constexpr T kLow = -std::numeric_limits<T>::infinity();
  const Index whole = n / W * W, rest = n - whole;
  Lanes<T> top(kLow);
  for (Index i = 0; i < whole; i += W) top = max(top, Lanes<T>::load(x + i));
  if (rest) top = max(top, Lanes<T>::load(x + whole, rest, kLow));
  const T m = lane_max(top);
  if (m == kLow) {
    std::fill_n(y, n, T(0));
    return;
  }
  Lanes<T> total(0);
  for (Index i = 0; i < whole; i += W) {
    const Lanes<T> e = exp(Lanes<T>::load(x + i) - m);
    total += e;
    e.store(y + i);
  }
  if (rest) {
    const Lanes<T> e = exp(Lanes<T>::load(x + whole, rest, kLow) - m);  // exp(-inf) = 0 adds nothing
    total += e;
    e.store(y + whole, rest);
  }
  const T scale = 1 / lane_sum(total);
  for (Index i = 0; i < n; ++i) y[i] *= scale;
}

// dx (+)= y * (dy - <dy, y>) for one row.
template <class T>
void backward_row(const T* y, const T* dy, T* dx, Index n, bool add) {
  constexpr Index W = lane_width<T>;
  const Index whole = n / W * W, rest = n - whole;
  Lanes<T> products(0);
  for (Index i = 0; i < whole; i += W) products += Lanes<T>::load(y + i) * Lanes<T>::load(dy + i);
  if (rest) products += Lanes<T>::load(y + whole, rest) * Lanes<T>::load(dy + whole, rest);
  const T dot = lane_sum(products);
  for (Index i = 0; i < n; ++i) dx[i] = (add ? dx[i] : T(0)) + y[i] * (dy[i] - dot);
}

// The same along an axis with stride `inner`, for all inner positions at once.
template <class T>
void forward_columns(const T* x, T* y, Index n, Index inner) {
  for (Index i = 0; i < inner; ++i) {
    T top = -std::numeric_limits<T>::infinity(), total = 0;
    for (Index e = 0; e < n; ++e) top = std::max(top, x[e * inner + i]);
    for (Index e = 0; e < n; ++e)
      total += y[e * inner + i] = std::isinf(top) && top < 0 ? T(0) : std::exp(x[e * inner + i] - top);
    for (Index e = 0; e < n && total > 0; ++e) y[e * inner + i] /= total;
  }
}

template <class T>
void backward_columns(const T* y, const T* dy, T* dx, Index n, Index inner, bool add) {
  for (Index i = 0; i < inner; ++i) {
    T dot = 0;
    for (Index e = 0; e < n; ++e) dot += y[e * inner + i] * dy[e * inner + i];
    for (Index e = 0; e < n; ++e) {
      const Index at = e * inner + i;
      dx[at] = (add ? dx[at] : T(0)) + y[at] * (dy[at] - dot);
    }
  }
}

std::vector<Example> examples() {
  const auto over = [](int axis) { return [axis](std::span<const Var> x) { return softmax(x[0], axis); }; };
  return {
      {"last axis", {{{3, 19}, -4, 4}}, over(-1), "torch.softmax(a, -1)"},
      {"middle axis", {{{2, 5, 3}, -4, 4}}, over(1), "torch.softmax(a, 1)"},
      {"one element", {{{4, 1}}}, over(-1), "torch.softmax(a, -1)"},
      {"large", {{{2, 7}, -1e4, 1e4}}, over(-1), "torch.softmax(a, -1)"},
  };
}

}  // namespace

const Op softmax_op{"softmax", examples};

Var softmax(const Var& x, int axis) {
  axis = checked_axis(axis, x.shape(), softmax_op.name);
  const AxisView view(x.shape(), axis);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  const Index slab = view.extent * view.inner;
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.value().data<T>();
    T* out = y.data<T>();
    parallel_panels(tape.threads(), view.outer, kRows, [&](Index first, Index last) {
      for (Index o = first; o < last; ++o)
        if (view.inner == 1) forward_row(in + o * slab, out + o * slab, slab);
        else forward_columns(in + o * slab, out + o * slab, view.extent, view.inner);
    });
  });
  return Tape::record(softmax_op, {x}, y, [y, view, slab](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T *value = y.data<T>(), *g = dy.data<T>();
      T* out = to.grad.data<T>();
      parallel_panels(dx.tape().threads(), view.outer, kRows, [&](Index first, Index last) {
        for (Index o = first; o < last; ++o)
          if (view.inner == 1) backward_row(value + o * slab, g + o * slab, out + o * slab, slab, to.add);
          else backward_columns(value + o * slab, g + o * slab, out + o * slab, view.extent, view.inner, to.add);
      });
    });
  });
}

}  // namespace tempera
