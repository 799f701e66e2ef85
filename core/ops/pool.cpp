#include "core/ops/pool.h"

#include <limits>

#include "core/ops/window.h"
#include "core/parallel.h"

namespace tempera {
namespace {

using Pair = std::array<Index, 2>;

struct Windows {
  WindowAxis h, w;
  Index planes;
  bool count_padding = true;

  Index plane() const { return h.extent * w.extent; }
  Index positions() const { return h.out * w.out; }
  // 1 / count for output (oh, ow).
  double share(Index oh, Index ow) const {
    const Index count = count_padding ? h.kernel * w.kernel : h.covered(oh) * w.covered(ow);
    return 1 / static_cast<double>(count);
  }
};

constexpr Index kPanel = 16384;  // elements of x that make a panel of planes

Index grain(const Windows& windows) {
  return std::max<Index>(1, kPanel / std::max<Index>(1, windows.plane()));
}

// Calls f(source, first, last, input row) for each tap of output row oh, in the order of the taps: outputs [first,
// last) of the row read plane elements source, source + stride, ...
template <class F>
void for_taps(const Windows& windows, Index oh, F f) {
  const auto& [h, w, planes, count_padding] = windows;
  for (Index kh = 0; kh < h.kernel; ++kh) {
    const Index ih = h.input(oh, kh);
    if (!h.inside(ih)) continue;
    for (Index kw = 0; kw < w.kernel; ++kw) {
      const auto [first, last] = w.outputs(kw);
      if (first < last) f(ih * w.extent + w.input(first, kw), first, last);
    }
  }
}

// One plane; winner[p] is the position in x of y[p].
template <class T>
void max_plane(const Windows& windows, const T* x, T* y, std::int32_t* winner) {
  const Index stride = windows.w.stride;
  for (Index oh = 0; oh < windows.h.out; ++oh, y += windows.w.out, winner += windows.w.out) {
    std::fill_n(y, windows.w.out, T(0));
    std::fill_n(winner, windows.w.out, -1);
    for_taps(windows, oh, [&](Index source, Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index at = source + (i - first) * stride;
        const T value = x[at], best = y[i];
        const bool wins = (winner[i] < 0) | (value > best) | ((value != value) & (best == best));
        y[i] = wins ? value : best;
        winner[i] = wins ? static_cast<std::int32_t>(at) : winner[i];
      }
    });
  }
}

template <class T>
void average_plane(const Windows& windows, const T* x, T* y) {
  const Index stride = windows.w.stride;
  for (Index oh = 0; oh < windows.h.out; ++oh, y += windows.w.out) {
    std::fill_n(y, windows.w.out, T(0));
    for_taps(windows, oh, [&](Index source, Index first, Index last) {
      for (Index i = first; i < last; ++i) y[i] += x[source + (i - first) * stride];
    });
    for (Index i = 0; i < windows.w.out; ++i) y[i] *= static_cast<T>(windows.share(oh, i));
  }
}

template <class T>
void average_plane_backward(const Windows& windows, const T* dy, T* dx) {
  const Index stride = windows.w.stride;
  for (Index oh = 0; oh < windows.h.out; ++oh, dy += windows.w.out)
    for_taps(windows, oh, [&](Index source, Index first, Index last) {
      for (Index i = first; i < last; ++i)
        dx[source + (i - first) * stride] += dy[i] * static_cast<T>(windows.share(oh, i));
    });
}

// --- Shapes -------------------------------------------------------------------------------------------------

Windows checked_windows(const Op& op, const Var& x, int axes, Pair kernel, Pair stride, Pair padding) {
  require(is_floating(x.dtype()), op.name, "x is {}; convert it to float32 or float64", x.dtype());
  require(x.rank() >= axes, op.name, "x is {}; at least {} {} wanted", x.shape(), axes,
          axes == 1 ? "axis was" : "axes were");
  const auto axis = [&](std::size_t i, const char* name, Index extent) {
    require(stride[i] >= 0, op.name, "the stride along {} is {}; at least 1 was wanted, or 0 for the kernel's extent",
            name, stride[i]);
    const Index step = stride[i] == 0 ? std::max<Index>(1, kernel[i]) : stride[i];
    WindowAxis window = checked_window(op.name, name, extent, {kernel[i], step, padding[i], 1});
    require(2 * padding[i] <= kernel[i], op.name, "the padding along {} is {}; at most half the kernel {} was wanted",
            name, padding[i], kernel[i]);
    if (extent == 0) window.out = 0;  // else a window of padding alone
    return window;
  };
  Windows windows;
  if (axes == 2) windows.h = axis(0, "H", x.shape().back(1));
  windows.w = axis(1, axes == 2 ? "W" : "L", x.shape().back());
  windows.planes = x.shape().product(0, x.rank() - axes);
  return windows;
}

Shape output_shape(const Shape& x, int axes, const Windows& windows) {
  const Shape shape = x.with(x.rank() - 1, windows.w.out);
  return axes == 2 ? shape.with(x.rank() - 2, windows.h.out) : shape;
}

Var max_pool(const Op& op, const Var& x, int axes, Pair kernel, Pair stride, Pair padding) {
  const Windows windows = checked_windows(op, x, axes, kernel, stride, padding);
  require(windows.plane() <= std::numeric_limits<std::int32_t>::max(), op.name,
          "a window axis pair of {} elements came; at most 2^31 - 1 were wanted", windows.plane());
  Tape& tape = x.tape();
  Tensor y = tape.empty(output_shape(x.shape(), axes, windows), x.dtype());
  Tensor winners = tape.empty(y.shape(), DType::int32);
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.value().data<T>();
    T* out = y.data<T>();
    std::int32_t* winner = winners.data<std::int32_t>();
    parallel_panels(tape.threads(), windows.planes, grain(windows), [&](Index first, Index last) {
      for (Index p = first; p < last; ++p)
        max_plane(windows, in + p * windows.plane(), out + p * windows.positions(), winner + p * windows.positions());
    });
  });
  return Tape::record(op, {x}, std::move(y), [windows, winners](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    if (!to.add) to.grad.fill(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T* g = dy.data<T>();
      const std::int32_t* winner = winners.data<std::int32_t>();
      T* out = to.grad.data<T>();
      parallel_panels(dx.tape().threads(), windows.planes, grain(windows), [&](Index first, Index last) {
        for (Index p = first; p < last; ++p)
          for (Index i = p * windows.positions(); i < (p + 1) * windows.positions(); ++i)
            out[p * windows.plane() + winner[i]] += g[i];
      });
    });
  });
}

Var avg_pool(const Op& op, const Var& x, int axes, Pair kernel, Pair stride, Pair padding, bool count_padding) {
  Windows windows = checked_windows(op, x, axes, kernel, stride, padding);
  windows.count_padding = count_padding;
  Tape& tape = x.tape();
  Tensor y = tape.empty(output_shape(x.shape(), axes, windows), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.value().data<T>();
    T* out = y.data<T>();
    parallel_panels(tape.threads(), windows.planes, grain(windows), [&](Index first, Index last) {
      for (Index p = first; p < last; ++p)
        average_plane(windows, in + p * windows.plane(), out + p * windows.positions());
    });
  });
  return Tape::record(op, {x}, std::move(y), [windows](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    if (!to.add) to.grad.fill(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T* g = dy.data<T>();
      T* out = to.grad.data<T>();
      parallel_panels(dx.tape().threads(), windows.planes, grain(windows), [&](Index first, Index last) {
        for (Index p = first; p < last; ++p)
          average_plane_backward(windows, g + p * windows.positions(), out + p * windows.plane());
      });
    });
  });
}

// --- Examples -----------------------------------------------------------------------------------------------

using Call = std::function<Var(std::span<const Var>)>;

Example example(const char* name, const Shape& shape, Call call, const char* torch) {
  return {name, {{shape, -2, 2, Draw::distinct}}, std::move(call), torch};
}

std::vector<Example> max1d_examples() {
  return {
      example(
          "side by side", {3, 19}, [](auto x) { return max_pool1d(x[0], 3); }, "F.max_pool1d(a, 3)"),
      example(
          "overlapping", {2, 3, 7}, [](auto x) { return max_pool1d(x[0], 3, 2, 1); },
          "F.max_pool1d(a, 3, stride=2, padding=1)"),
      example(
          "one element", {5, 1}, [](auto x) { return max_pool1d(x[0], 1); }, "F.max_pool1d(a, 1)"),
  };
}

std::vector<Example> max2d_examples() {
  return {
      example(
          "side by side", {2, 4, 7},
          [](auto x) {
            return max_pool2d(x[0], {2, 2});
          },
          "F.max_pool2d(a, 2)"),
      example(
          "overlapping", {1, 2, 3, 5},
          [](auto x) {
            return max_pool2d(x[0], {2, 3}, {1, 2}, {1, 1});
          },
          "F.max_pool2d(a, (2, 3), stride=(1, 2), padding=1)"),
      example(
          "wide", {1, 3, 18},
          [](auto x) {
            return max_pool2d(x[0], {2, 2}, {1, 1});
          },
          "F.max_pool2d(a, 2, stride=1)"),
  };
}

std::vector<Example> avg1d_examples() {
  return {
      example(
          "side by side", {3, 19}, [](auto x) { return avg_pool1d(x[0], 3); }, "F.avg_pool1d(a, 3)"),
      example(
          "overlapping", {2, 3, 7}, [](auto x) { return avg_pool1d(x[0], 3, 2, 1); },
          "F.avg_pool1d(a, 3, stride=2, padding=1)"),
      example(
          "padding not counted", {2, 19}, [](auto x) { return avg_pool1d(x[0], 4, 1, 2, false); },
          "F.avg_pool1d(a, 4, stride=1, padding=2, count_include_pad=False)"),
  };
}

std::vector<Example> avg2d_examples() {
  return {
      example(
          "side by side", {2, 4, 7},
          [](auto x) {
            return avg_pool2d(x[0], {2, 2});
          },
          "F.avg_pool2d(a, 2)"),
      example(
          "overlapping", {1, 2, 3, 5},
          [](auto x) {
            return avg_pool2d(x[0], {2, 3}, {1, 2}, {1, 1});
          },
          "F.avg_pool2d(a, (2, 3), stride=(1, 2), padding=1)"),
      example(
          "padding not counted", {1, 3, 18},
          [](auto x) {
            return avg_pool2d(x[0], {2, 3}, {1, 1}, {1, 1}, false);
          },
          "F.avg_pool2d(a, (2, 3), stride=1, padding=1, count_include_pad=False)"),
  };
}

}  // namespace

const Op max_pool1d_op{"max_pool1d", max1d_examples};
const Op max_pool2d_op{"max_pool2d", max2d_examples};
const Op avg_pool1d_op{"avg_pool1d", avg1d_examples};
const Op avg_pool2d_op{"avg_pool2d", avg2d_examples};

Var max_pool1d(const Var& x, Index kernel, Index stride, Index padding) {
  return max_pool(max_pool1d_op, x, 1, {1, kernel}, {1, stride}, {0, padding});
}
Var max_pool2d(const Var& x, Pair kernel, Pair stride, Pair padding) {
  return max_pool(max_pool2d_op, x, 2, kernel, stride, padding);
}
Var avg_pool1d(const Var& x, Index kernel, Index stride, Index padding, bool count_padding) {
  return avg_pool(avg_pool1d_op, x, 1, {1, kernel}, {1, stride}, {0, padding}, count_padding);
}
Var avg_pool2d(const Var& x, Pair kernel, Pair stride, Pair padding, bool count_padding) {
  return avg_pool(avg_pool2d_op, x, 2, kernel, stride, padding, count_padding);
}

}  // namespace tempera
