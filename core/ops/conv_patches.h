// Convolution as a product with the matrix of patches (im2col), a tile of output positions at a time.
//
//   patches [C / groups * KH * KW, positions]: row (c, kh, kw), column (oh, ow) is x[c, oh.., ow..], 0 outside
//   y = W patches        dpatches = W^T dy, added back to where they came from        dW = dy patches^T
#pragma once

#include "core/ops/conv_geometry.h"
#include "core/ops/product.h"

namespace tempera {

// Columns of a tile: by shape alone, so that the matrix of patches stays in the second cache.
inline Index patch_tile(const ConvGeometry& g) {
  constexpr Index kElements = 65536, kFewest = 64;
  const Index columns = std::max(kFewest, kElements / std::max<Index>(1, g.patch()) / 16 * 16);
  return std::max<Index>(1, std::min(columns, g.positions()));
}

// Calls f(row, column, count, source) for the runs of columns [first, last) that lie in one row of the output: they
// read plane elements source, source + stride, ...; source -1 stands for zeros.
template <class F>
void for_patch_runs(const ConvGeometry& g, Index first, Index last, F f) {
  Index row = 0;
  for (Index c = 0; c < g.group_channels(); ++c)
    for (Index kh = 0; kh < g.h.kernel; ++kh)
      for (Index kw = 0; kw < g.w.kernel; ++kw, ++row) {
        const WindowAxis::Range inside = g.w.outputs(kw);
        for (Index p = first; p < last;) {
          const Index oh = p / g.w.out, ow = p % g.w.out;
          const Index end = std::min(g.w.out, ow + last - p), ih = g.h.input(oh, kh);
          const bool empty = !g.h.inside(ih);
          const Index from = empty ? end : std::clamp(inside.first, ow, end);
          const Index to = empty ? end : std::clamp(inside.last, from, end);
          if (from > ow) f(row, p - first, from - ow, Index{-1});
          if (to > from)
            f(row, p - first + from - ow, to - from, c * g.plane() + ih * g.w.extent + g.w.input(from, kw));
          if (end > to) f(row, p - first + to - ow, end - to, Index{-1});
          p += end - ow;
        }
      }
}

// patches [patch, last - first] from the channels of one group.
template <class T>
void gather_patches(const ConvGeometry& g, const T* x, Index first, Index last, T* patches) {
  const Index columns = last - first, stride = g.w.stride;
  for_patch_runs(g, first, last, [&](Index row, Index column, Index count, Index source) {
    T* to = patches + row * columns + column;
    if (source < 0) std::fill_n(to, count, T(0));
    else if (stride == 1) std::copy_n(x + source, count, to);
    else
      for (Index i = 0; i < count; ++i) to[i] = x[source + i * stride];
  });
}

// The reverse: adds each patch element to where it came from.
template <class T>
void scatter_patches(const ConvGeometry& g, const T* patches, Index first, Index last, T* x) {
  const Index columns = last - first, stride = g.w.stride;
  for_patch_runs(g, first, last, [&](Index row, Index column, Index count, Index source) {
    if (source < 0) return;
    const T* from = patches + row * columns + column;
    for (Index i = 0; i < count; ++i) x[source + i * stride] += from[i];
  });
}

// y[.., first .. last) of one group of one sample. y [group_filters, positions]; patches is scratch.
template <class T>
void patch_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, Index first, Index last,
                   T* patches, T* y) {
  const Index columns = last - first, k = g.patch();
  if (g.pointwise()) {
    product(false, false, g.group_filters(), columns, k, weight, k, x + first, g.plane(), 0, y + first, g.positions());
  } else {
    gather_patches(g, x, first, last, patches);
    product(false, false, g.group_filters(), columns, k, weight, k, patches, columns, 0, y + first, g.positions());
  }
  for (Index o = 0; bias && o < g.group_filters(); ++o)
    for (Index p = first; p < last; ++p) y[o * g.positions() + p] += bias[o];
}

// dx += its share from columns [first, last).
template <class T>
void patch_backward_x(const ConvGeometry& g, const T* dy, const T* weight, Index first, Index last, T* patches, T* dx) {
  const Index columns = last - first, k = g.patch();
  if (g.pointwise())
    return product(true, false, k, columns, g.group_filters(), weight, k, dy + first, g.positions(), 1, dx + first,
                   g.plane());
  product(true, false, k, columns, g.group_filters(), weight, k, dy + first, g.positions(), 0, patches, columns);
  scatter_patches(g, patches, first, last, dx);
}

// dweight [group_filters, patch] += its share from columns [first, last).
template <class T>
void patch_backward_weight(const ConvGeometry& g, const T* dy, const T* x, Index first, Index last, T* patches,
                           T* dweight) {
  const Index columns = last - first, k = g.patch();
  if (g.pointwise())
    return product(false, true, g.group_filters(), k, columns, dy + first, g.positions(), x + first, g.plane(), 1,
                   dweight, k);
  gather_patches(g, x, first, last, patches);
  product(false, true, g.group_filters(), k, columns, dy + first, g.positions(), patches, columns, 1, dweight, k);
}

}  // namespace tempera
