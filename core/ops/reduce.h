// Sums and maxima over any set of axes: the loops that reductions and norms share.
//
// The axes of a contiguous tensor fall into groups that are reduced and groups that are kept, in turn. When the
// innermost group is reduced, a vector register runs along it; when it is kept, registers run across it and whole rows
// are combined. Either way the terms are combined along a binary tree over blocks of 16, so the rounding error grows
// with log n (and 16), not with n; and the tree depends on the shape alone.
#pragma once

#include <array>

#include "core/axes.h"
#include "core/lanes.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace tempera {

class ReduceLoops {
 public:
  // Throws Error(who, ...) for bad axes.
  ReduceLoops(const Shape& shape, const Axes& axes, std::string_view who) : kept_shape_(shape) {
    const unsigned mask = axes.mask(shape, who);
    int groups = 0;
    Index stride = 1;
    bool last = false;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const Index extent = shape[axis];
      const bool reduced = (mask >> axis & 1u) != 0;
      if (reduced) {
        kept_shape_.set(axis, 1);
        count_ *= extent;
      } else {
        shape_ = shape_.inserted(0, extent);
      }
      if (extent == 1) continue;
      if (groups == 0 || reduced != last) begin_group(groups++, reduced, stride);
      *extent_ *= extent;
      stride *= extent;
      last = reduced;
    }
  }

  const Shape& kept_shape() const { return kept_shape_; }  // reduced axes have extent 1
  const Shape& shape(bool keep_dims) const { return keep_dims ? kept_shape_ : shape_; }
  Index count() const { return count_; }  // elements that each output is made of

  bool along_rows() const { return row_; }  // the innermost group is reduced
  Index inner() const { return inner_; }    // extent of the innermost group

  // The runs of `inner` elements: those that are kept apart, and those that are combined.
  class Runs {
   public:
    Index size() const { return extents_[0] * extents_[1]; }
    Index offset(Index run) const {
      if (extents_[1] == 1) return run * strides_[0];
      return run % extents_[0] * strides_[0] + run / extents_[0] * strides_[1];
    }

   private:
    friend class ReduceLoops;
    std::array<Index, 2> extents_{1, 1}, strides_{};
    std::size_t levels_ = 0;
  };
  const Runs& kept() const { return kept_; }
  const Runs& reduced() const { return reduced_; }

 private:
  void begin_group(int group, bool reduced, Index stride) {
    if (group == 0) {
      row_ = reduced;
      extent_ = &inner_;
      return;
    }
    Runs& runs = reduced ? reduced_ : kept_;  // at most two of each, as five axes make five groups
    runs.strides_[runs.levels_] = stride;
    extent_ = &runs.extents_[runs.levels_++];
  }

  Shape kept_shape_, shape_;
  Index count_ = 1, inner_ = 1;
  bool row_ = true;
  Runs kept_, reduced_;
  Index* extent_ = nullptr;  // of the group under construction
};

// How two values become one.
template <class T>
struct Sum {
  static constexpr T identity = 0;
  static TEMPERA_INLINE Lanes<T> both(Lanes<T> a, Lanes<T> b) { return a + b; }
  static TEMPERA_INLINE T all(Lanes<T> x) { return lane_sum(x); }
};
template <class T>
struct Max {
  static constexpr T identity = -std::numeric_limits<T>::infinity();
  static TEMPERA_INLINE Lanes<T> both(Lanes<T> a, Lanes<T> b) { return max(a, b); }
  static TEMPERA_INLINE T all(Lanes<T> x) { return lane_max(x); }
};

namespace detail {

inline constexpr Index kReduceLeaf = 16;      // terms added one after the other
inline constexpr int kReduceUnroll = 4;       // independent registers: hides the latency of an addition
inline constexpr Index kReducePanel = 16384;  // elements of the input

template <class T, int U>
struct Pack {
  std::array<Lanes<T>, U> v;
};

// Combines item(r, u) for r in [first, last), for each u.
template <class R, class T, int U, class Item>
Pack<T, U> combine(Index first, Index last, const Item& item) {
  Pack<T, U> result;
  if (last - first > kReduceLeaf) {
    const Index middle = first + (last - first + 2 * kReduceLeaf - 1) / (2 * kReduceLeaf) * kReduceLeaf;
    const Pack<T, U> a = combine<R, T, U>(first, middle, item), b = combine<R, T, U>(middle, last, item);
    for (std::size_t u = 0; u < U; ++u) result.v[u] = R::both(a.v[u], b.v[u]);
    return result;
  }
  result.v.fill(Lanes<T>(R::identity));
  for (Index r = first; r < last; ++r)
    for (std::size_t u = 0; u < U; ++u) result.v[u] = R::both(result.v[u], item(r, static_cast<Index>(u)));
  return result;
}

// One row of n neighbours, still spread over lanes.
template <class R, class T, class F>
Lanes<T> reduce_row(const F& f, const T* x, const T* z, Index n, Lanes<T> a) {
  constexpr Index W = lane_width<T>, block = kReduceUnroll * W;
  const Index blocks = n / block;
  Lanes<T> total(R::identity);
  if (blocks > 0) {
    const auto p = combine<R, T, kReduceUnroll>(0, blocks, [&](Index r, Index u) {
      const Index at = r * block + u * W;
      return Lanes<T>(f(Lanes<T>::load(x + at), Lanes<T>::load(z + at), a));
    });
    total = R::both(R::both(p.v[0], p.v[1]), R::both(p.v[2], p.v[3]));
  }
  Index i = blocks * block;
  for (; i + W <= n; i += W) total = R::both(total, f(Lanes<T>::load(x + i), Lanes<T>::load(z + i), a));
  if (i < n) {
    // Lanes past the end repeat a value that occurs and are blotted out after f.
    const Lanes<T> g = f(Lanes<T>::load(x + i, n - i, x[i]), Lanes<T>::load(z + i, n - i, z[i]), a);
    total = R::both(total, g.first(n - i, R::identity));
  }
  return total;
}

// U registers of neighbouring columns; `count` < W only for the last columns of all.
template <class R, class T, int U, class F>
void reduce_columns(const F& f, const ReduceLoops::Runs& runs, const T* x, const T* z, const T* aux, T* out,
                    Index count) {
  constexpr Index W = lane_width<T>;
  Pack<T, U> a, p;
  a.v.fill(Lanes<T>(0));
  if (count == W) {
    for (std::size_t u = 0; u < U && aux; ++u) a.v[u] = Lanes<T>::load(aux + static_cast<Index>(u) * W);
    p = combine<R, T, U>(0, runs.size(), [&](Index r, Index u) {
      const Index at = runs.offset(r) + u * W;
      return Lanes<T>(f(Lanes<T>::load(x + at), Lanes<T>::load(z + at), a.v[static_cast<std::size_t>(u)]));
    });
    for (std::size_t u = 0; u < U; ++u) p.v[u].store(out + static_cast<Index>(u) * W);
    return;
  }
  if (aux) a.v[0] = Lanes<T>::load(aux, count, aux[0]);
  const Lanes<T> sum = combine<R, T, 1>(0, runs.size(), [&](Index r, Index) {
                         const T *xr = x + runs.offset(r), *zr = z + runs.offset(r);
                         return Lanes<T>(f(Lanes<T>::load(xr, count, xr[0]), Lanes<T>::load(zr, count, zr[0]), a.v[0]));
                       }).v[0];
  sum.store(out, count);
}

template <class R, class T, class F>
void reduce(const ReduceLoops& loops, int threads, const F& f, const T* x, const T* z, const T* aux, T* out) {
  const ReduceLoops::Runs &kept = loops.kept(), &reduced = loops.reduced();
  const Index inner = loops.inner();
  if (loops.along_rows()) {
    const Index grain = std::max<Index>(1, kReducePanel / (inner * reduced.size()));
    parallel_panels(threads, kept.size(), grain, [&](Index first, Index last) {
      for (Index k = first; k < last; ++k) {
        const Lanes<T> a(aux ? aux[k] : T(0));
        const Index base = kept.offset(k);
        const auto total = combine<R, T, 1>(0, reduced.size(), [&](Index r, Index) {
          const Index at = base + reduced.offset(r);
          return reduce_row<R, T>(f, x + at, z + at, inner, a);
        });
        out[k] = R::all(total.v[0]);
      }
    });
    return;
  }
  constexpr Index W = lane_width<T>, block = kReduceUnroll * W;
  const Index blocks = (inner + block - 1) / block;
  const Index grain = std::max<Index>(1, kReducePanel / (std::min(inner, block) * reduced.size()));
  parallel_panels(threads, kept.size() * blocks, grain, [&](Index first, Index last) {
    for (Index unit = first; unit < last; ++unit) {
      const Index k = unit / blocks, begin = unit % blocks * block, end = std::min(inner, begin + block);
      const Index from = kept.offset(k), to = k * inner;
      const auto run = [&]<int U>(std::integral_constant<int, U>, Index c, Index count) {
        reduce_columns<R, T, U>(f, reduced, x + from + c, z + from + c, aux ? aux + to + c : nullptr, out + to + c,
                                count);
      };
      if (end - begin == block) run(std::integral_constant<int, kReduceUnroll>{}, begin, W);
      else
        for (Index c = begin; c < end; c += W) run(std::integral_constant<int, 1>{}, c, std::min(W, end - c));
    }
  });
}

}  // namespace detail

// out[k] = R over the elements i that belong to k of f(x[i], z[i], aux[k]). x and z have the shape that `loops` was
// made for, out and aux its kept shape in any form; an undefined aux reads as 0, an undefined z as x. R is Sum or Max.
// Nothing to combine gives R's identity.
template <template <class> class R, class F>
void reduce(const ReduceLoops& loops, int threads, const F& f, Tensor& out, const Tensor& x, const Tensor& z = {},
            const Tensor& aux = {}) {
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    if (x.size() == 0) return out.fill(R<T>::identity);
    detail::reduce<R<T>, T>(loops, threads, f, x.data<T>(), z.defined() ? z.data<T>() : x.data<T>(),
                            aux.defined() ? aux.data<T>() : nullptr, out.data<T>());
  });
}

}  // namespace tempera
