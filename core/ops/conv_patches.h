// Convolution as a product with the matrix of patches (im2col), a tile of output positions at a time.
//
//   patches [C / groups * KH * KW, positions]: row (c, kh, kw), column (oh, ow) is x[c, oh.., ow..], 0 outside
//   y = W patches        dpatches = W^T dy, added back to where they came from        dW = dy patches^T
#pragma once

#include "core/kernels/gemm.h"
#include "core/ops/conv_geometry.h"

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

// What the products below work in: room for a tile of patches, and gemm's own memory.
template <class T>
struct PatchScratch {
  T* patches;
  kernels::Workspace workspace;
};

// Bytes that gemm wants for a tile, in whichever of the three products.
template <class T>
std::size_t patch_workspace_bytes(const ConvGeometry& g) {
  const Index o = g.group_filters(), k = g.patch(), columns = patch_tile(g);
  return std::max({kernels::gemm_workspace_bytes<T>(o, columns, k), kernels::gemm_workspace_bytes<T>(k, columns, o),
                   kernels::gemm_workspace_bytes<T>(o, k, columns)});
}

// y[.., first .. last) of one group of one sample. x [group_channels, plane], y [group_filters, positions].
template <class T>
void patch_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, Index first, Index last,
                   const PatchScratch<T>& scratch, T* y) {
  using kernels::Transpose;
  const bool pointwise = g.pointwise();
  const Index columns = last - first, k = g.patch();
  if (!pointwise) gather_patches(g, x, first, last, scratch.patches);
  kernels::gemm<T>(Transpose::no, Transpose::no, g.group_filters(), columns, k, 1, weight, k,
                   pointwise ? x + first : scratch.patches, pointwise ? g.plane() : columns, 0, y + first,
                   g.positions(), scratch.workspace);
  for (Index o = 0; bias && o < g.group_filters(); ++o)
    for (Index p = first; p < last; ++p) y[o * g.positions() + p] += bias[o];
}

// dx += its share from columns [first, last).
template <class T>
void patch_backward_x(const ConvGeometry& g, const T* dy, const T* weight, Index first, Index last,
                      const PatchScratch<T>& scratch, T* dx) {
  using kernels::Transpose;
  const bool pointwise = g.pointwise();
  const Index columns = last - first, k = g.patch();
  kernels::gemm<T>(Transpose::yes, Transpose::no, k, columns, g.group_filters(), 1, weight, k, dy + first,
                   g.positions(), pointwise ? T(1) : T(0), pointwise ? dx + first : scratch.patches,
                   pointwise ? g.plane() : columns, scratch.workspace);
  if (!pointwise) scatter_patches(g, scratch.patches, first, last, dx);
}

// dweight [group_filters, patch] += its share from columns [first, last).
template <class T>
void patch_backward_weight(const ConvGeometry& g, const T* dy, const T* x, Index first, Index last,
                           const PatchScratch<T>& scratch, T* dweight) {
  using kernels::Transpose;
  const bool pointwise = g.pointwise();
  const Index columns = last - first, k = g.patch();
  if (!pointwise) gather_patches(g, x, first, last, scratch.patches);
  kernels::gemm<T>(Transpose::no, Transpose::yes, g.group_filters(), k, columns, 1, dy + first, g.positions(),
                   pointwise ? x + first : scratch.patches, pointwise ? g.plane() : columns, 1, dweight, k,
                   scratch.workspace);
}

}  // namespace tempera
