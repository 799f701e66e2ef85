// Convolution where a filter reads a single channel: no matrix, but a stencil that runs along the last axis.
#pragma once

#include "core/lanes.h"
#include "core/ops/conv_geometry.h"

namespace tempera {

// value(i) = start + sum over taps (kh, kw) of weight[kh, kw] plane[row + kh row_step, i + column + kw column_step],
// taps outside of the plane [rows, width] left out. Every element adds its taps in the same order.
template <class T>
struct Stencil {
  const T* weight;
  Index kernel_h, kernel_w;
  const T* plane;
  Index rows, width;
  Index row, row_step, column, column_step;
  T start = 0;

  // out[i] = value(i), or += if add, for i in [0, count).
  void run(T* out, Index count, bool add) const {
    constexpr Index W = lane_width<T>;
    // Where no tap leaves the row, whole registers go.
    const Index far = column + (kernel_w - 1) * column_step;
    const Index first = std::clamp(-std::min(column, far), Index{0}, count);
    const Index last = std::clamp(width - std::max(column, far), first, count);
    for (Index i = 0; i < first; ++i) put(out + i, edge(i), add);
    Index i = first;
    for (; i + 4 * W <= last; i += 4 * W) inner<4>(out, i, add);
    for (; i + W <= last; i += W) inner<1>(out, i, add);
    if (i < last && last - first >= W) {
      // One more register that ends where the row does; what it repeats is left alone.
      T values[W];
      inner_values<1>(last - W, [&](Index, Lanes<T> sum) { sum.store(values); });
      for (; i < last; ++i) put(out + i, values[i - (last - W)], add);
    }
    for (; i < count; ++i) put(out + i, edge(i), add);
  }

 private:
  static void put(T* out, T value, bool add) { *out = add ? *out + value : value; }

  T edge(Index i) const {
    T sum = start;
    for (Index kh = 0; kh < kernel_h; ++kh) {
      const Index r = row + kh * row_step;
      if (r < 0 || r >= rows) continue;
      for (Index kw = 0; kw < kernel_w; ++kw) {
        const Index c = i + column + kw * column_step;
        if (c >= 0 && c < width) sum += weight[kh * kernel_w + kw] * plane[r * width + c];
      }
    }
    return sum;
  }

  // Calls use(position, values) for Abreast registers from position i on.
  template <int Abreast, class F>
  TEMPERA_INLINE void inner_values(Index i, F use) const {
    constexpr Index W = lane_width<T>;
    Lanes<T> sum[Abreast];
    for (Lanes<T>& s : sum) s = start;
    for (Index kh = 0; kh < kernel_h; ++kh) {
      const Index r = row + kh * row_step;
      if (r < 0 || r >= rows) continue;
      const T* from = plane + r * width + i + column;
      for (Index kw = 0; kw < kernel_w; ++kw, from += column_step) {
        const Lanes<T> factor(weight[kh * kernel_w + kw]);
        for (int a = 0; a < Abreast; ++a) sum[a] += factor * Lanes<T>::load(from + a * W);
      }
    }
    for (int a = 0; a < Abreast; ++a) use(i + a * W, sum[a]);
  }

  template <int Abreast>
  void inner(T* out, Index i, bool add) const {
    inner_values<Abreast>(
        i, [&](Index at, Lanes<T> sum) { (add ? Lanes<T>::load(out + at) + sum : sum).store(out + at); });
  }
};

// One output channel: x [H, W], weight [KH, KW], y [H', W'].
template <class T>
void depthwise_forward(const ConvGeometry& g, const T* x, const T* weight, T bias, T* y) {
  for (Index oh = 0; oh < g.h.out; ++oh) {
    T* out = y + oh * g.w.out;
    if (g.w.stride == 1) {
      Stencil<T>{weight,       g.h.kernel,   g.w.kernel,   x,   g.h.extent, g.w.extent, g.h.input(oh, 0),
                 g.h.dilation, -g.w.padding, g.w.dilation, bias}
          .run(out, g.w.out, false);
      continue;
    }
    std::fill_n(out, g.w.out, bias);
    for (Index kh = 0; kh < g.h.kernel; ++kh) {
      const Index ih = g.h.input(oh, kh);
      if (!g.h.inside(ih)) continue;
      for (Index kw = 0; kw < g.w.kernel; ++kw) {
        const auto [first, last] = g.w.outputs(kw);
        const T factor = weight[kh * g.w.kernel + kw];
        for (Index ow = first; ow < last; ++ow) out[ow] += factor * x[ih * g.w.extent + g.w.input(ow, kw)];
      }
    }
  }
}

// dx [H, W] = the share of one output channel, or += if add.
template <class T>
void depthwise_backward_x(const ConvGeometry& g, const T* dy, const T* weight, T* dx, bool add) {
  if (g.h.stride == 1 && g.w.stride == 1) {
    for (Index ih = 0; ih < g.h.extent; ++ih)
      Stencil<T>{weight,        g.h.kernel,  g.w.kernel,    dy,  g.h.out, g.w.out, ih + g.h.padding,
                 -g.h.dilation, g.w.padding, -g.w.dilation, T(0)}
          .run(dx + ih * g.w.extent, g.w.extent, add);
    return;
  }
  if (!add) std::fill_n(dx, g.plane(), T(0));
  for (Index oh = 0; oh < g.h.out; ++oh)
    for (Index kh = 0; kh < g.h.kernel; ++kh) {
      const Index ih = g.h.input(oh, kh);
      if (!g.h.inside(ih)) continue;
      for (Index kw = 0; kw < g.w.kernel; ++kw) {
        const auto [first, last] = g.w.outputs(kw);
        const T factor = weight[kh * g.w.kernel + kw];
        for (Index ow = first; ow < last; ++ow)
          dx[ih * g.w.extent + g.w.input(ow, kw)] += factor * dy[oh * g.w.out + ow];
      }
    }
}

// sum over samples and positions of dy x at tap (kh, kw), for one output channel. The samples of dy and x lie dy_step
// and x_step elements apart.
template <class T>
T depthwise_backward_tap(const ConvGeometry& g, const T* dy, Index dy_step, const T* x, Index x_step, Index kh,
                         Index kw) {
  constexpr Index W = lane_width<T>;
  const auto [top, bottom] = g.h.outputs(kh);
  const auto [first, last] = g.w.outputs(kw);
  Lanes<T> sums(0);
  double sum = 0;  // of strided rows: one long chain of additions
  for (Index b = 0; b < g.batch; ++b, dy += dy_step, x += x_step)
    for (Index oh = top; oh < bottom; ++oh) {
      const T* a = dy + oh * g.w.out + first;
      const T* c = x + g.h.input(oh, kh) * g.w.extent + g.w.input(first, kw);
      const Index count = last - first;
      Index i = 0;
      if (g.w.stride == 1) {
        for (; i + W <= count; i += W) sums += Lanes<T>::load(a + i) * Lanes<T>::load(c + i);
        if (i < count) sums += Lanes<T>::load(a + i, count - i) * Lanes<T>::load(c + i, count - i);
      } else {
        for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(c[i * g.w.stride]);
      }
    }
  return lane_sum(sums) + static_cast<T>(sum);
}

}  // namespace tempera
