// Work along one axis with full registers, whichever axis it is.
//
// A strip is what one set of registers walks through: a row, where the registers run along the axis and sums end across
// the lanes, or up to W neighbouring columns, where each lane has an axis of its own. A kernel is written once for
// both:
//
//   for_strips<T>(threads, view, [&](const auto& strip, Index base) {
//     Lanes<T> total(0);
//     strip.each([&](auto io, Index at) { total += io.load(x + base + at, 0); });
//     total = strip.sum(total);                      // in every lane the sum of its own axis
//   });
#pragma once

#include "core/axis.h"
#include "core/lanes.h"
#include "core/parallel.h"

namespace tempera {

// How a step of a strip touches memory: all lanes, or the first `count`; the others read `fill`. keep() makes
// those others 0.
template <class T>
struct WholeLanes {
  static TEMPERA_INLINE Lanes<T> load(const T* from, T) { return Lanes<T>::load(from); }
  static TEMPERA_INLINE void store(T* to, Lanes<T> x) { x.store(to); }
  static TEMPERA_INLINE Lanes<T> keep(Lanes<T> x) { return x; }
};
template <class T>
struct PartLanes {
  Index count;
  TEMPERA_INLINE Lanes<T> load(const T* from, T fill) const { return Lanes<T>::load(from, count, fill); }
  TEMPERA_INLINE void store(T* to, Lanes<T> x) const { x.store(to, count); }
  TEMPERA_INLINE Lanes<T> keep(Lanes<T> x) const { return x.first(count); }
};

template <class T>
struct RowStrip {
  Index extent;

  // Calls f(io, offset) for each step.
  template <class F>
  TEMPERA_INLINE void each(const F& f) const {
    constexpr Index W = lane_width<T>;
    Index i = 0;
    for (; i + W <= extent; i += W) f(WholeLanes<T>{}, i);
    if (i < extent) f(PartLanes<T>{extent - i}, i);
  }
  static TEMPERA_INLINE Lanes<T> sum(Lanes<T> x) { return Lanes<T>(lane_sum(x)); }
  static TEMPERA_INLINE Lanes<T> max(Lanes<T> x) { return Lanes<T>(lane_max(x)); }
};

template <class T>
struct ColumnStrip {
  Index extent, stride, width;

  template <class F>
  TEMPERA_INLINE void each(const F& f) const {
    if (width == lane_width<T>)
      for (Index e = 0; e < extent; ++e) f(WholeLanes<T>{}, e * stride);
    else
      for (Index e = 0; e < extent; ++e) f(PartLanes<T>{width}, e * stride);
  }
  static TEMPERA_INLINE Lanes<T> sum(Lanes<T> x) { return x; }
  static TEMPERA_INLINE Lanes<T> max(Lanes<T> x) { return x; }
};

// Calls f(strip, offset of its first element) for all strips along the axis of `view`, in panels of about 16384
// elements.
template <class T, class F>
void for_strips(int threads, const AxisView& view, const F& f) {
  constexpr Index kPanel = 16384, W = lane_width<T>;
  const Index strips = view.inner == 1 ? 1 : (view.inner + W - 1) / W;
  const Index grain = std::max<Index>(1, kPanel / std::max<Index>(1, view.extent * std::min(view.inner, W)));
  if (view.extent == 0) return;
  parallel_panels(threads, view.outer * strips, grain, [&](Index first, Index last) {
    for (Index k = first; k < last; ++k) {
      const Index slab = view.extent * view.inner;
      if (view.inner == 1) {
        f(RowStrip<T>{view.extent}, k * slab);
      } else {
        const Index begin = k % strips * W;
        f(ColumnStrip<T>{view.extent, view.inner, std::min(W, view.inner - begin)}, k / strips * slab + begin);
      }
    }
  });
}

}  // namespace tempera
