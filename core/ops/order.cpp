#include "core/ops/order.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/axis.h"
#include "core/ops/apply.h"

namespace tempera {
namespace {

// A number as an integer of the same order, and where it stood. No two entries are equal, so any sort is stable.
template <class T>
struct Entry {
  using Key = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  Key key;
  std::int32_t index;

  bool operator<(const Entry& other) const { return key != other.key ? key < other.key : index < other.index; }

  static Key key_of(T x) {
    if constexpr (std::is_integral_v<T>) {
      return x;
    } else {
      if (x != x) return std::numeric_limits<Key>::max();
      const Key bits = std::bit_cast<Key>(x + T(0));  // -0 becomes 0
      return bits < 0 ? bits ^ std::numeric_limits<Key>::max() : bits;
    }
  }
};

// indices[o, e, i] = position of the e-th of the k first elements in sorted order, `view` around the axis of x.
template <class T>
void order(const T* x, std::int32_t* indices, const AxisView& view, Index k, bool descending, int threads,
           const std::shared_ptr<Pool>& pool) {
  const Index rows = view.outer * view.inner, n = view.extent;
  const Index grain = std::max<Index>(1, 4096 / std::max<Index>(1, n));
  const Index panels = (rows + grain - 1) / grain;
  static_assert(sizeof(Entry<T>) % sizeof(double) == 0);
  Tensor scratch = Tensor::empty({panels, n, sizeof(Entry<T>) / sizeof(double)}, DType::float64, pool);
  parallel_panels(threads, rows, grain, [&](Index first, Index last) {
    Entry<T>* entries = static_cast<Entry<T>*>(scratch.raw()) + first / grain * n;
    for (Index row = first; row < last; ++row) {
      const Index o = row / view.inner, i = row % view.inner;
      for (Index e = 0; e < n; ++e) {
        const auto key = Entry<T>::key_of(x[view.at(o, e, i)]);
        entries[e] = {descending ? ~key : key, static_cast<std::int32_t>(e)};
      }
      if (k == n) std::sort(entries, entries + n);
      else std::partial_sort(entries, entries + k, entries + n);
      for (Index e = 0; e < k; ++e) indices[(o * k + e) * view.inner + i] = entries[e].index;
    }
  });
}

// f(position in the k-extent tensor, position in the n-extent tensor) for every index.
template <class F>
void for_indices(const Tensor& indices, const AxisView& view, Index k, const F& f) {
  const std::int32_t* from = indices.data<std::int32_t>();
  for (Index o = 0; o < view.outer; ++o)
    for (Index e = 0; e < k; ++e)
      for (Index i = 0; i < view.inner; ++i) {
        const Index at = (o * k + e) * view.inner + i;
        f(at, view.at(o, from[at], i));
      }
}

TopK select(const Op& op, const Var& x, Index k, int axis, bool descending) {
  const AxisView view(x.shape(), axis);
  Tape& tape = x.tape();
  const Shape shape = x.shape().with(axis, k);
  Tensor y = tape.empty(shape, x.dtype()), indices = tape.empty(shape, DType::int32);
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.value().data<T>();
    T* out = y.data<T>();
    order<T>(in, indices.data<std::int32_t>(), view, k, descending, tape.threads(), tape.pool());
    for_indices(indices, view, k, [&](Index at, Index from) { out[at] = in[from]; });
  });
  Var values = Tape::record(op, {x}, std::move(y), [indices, view, k](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    if (!to.add) to.grad.fill(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T* g = dy.data<T>();
      T* out = to.grad.data<T>();
      for_indices(indices, view, k, [&](Index at, Index from) { out[from] += g[at]; });
    });
  });
  return {std::move(values), std::move(indices)};
}

Example example(std::string name, Shape shape, std::function<Var(std::span<const Var>)> call, std::string torch) {
  return {std::move(name), {{shape, -4, 4, Draw::distinct}}, std::move(call), std::move(torch)};
}

std::vector<Example> sort_examples() {
  const auto over = [](std::string name, Shape shape, int axis, bool descending) {
    return example(
        std::move(name), shape, [=](std::span<const Var> x) { return sort(x[0], axis, descending); },
        fmt::format("torch.sort(a, {}, descending={}).values", axis, descending ? "True" : "False"));
  };
  return {over("last axis", {2, 19}, -1, false), over("descending", {3, 7}, -1, true),
          over("middle axis", {2, 5, 3}, 1, false), over("one element", {3, 1}, 1, true)};
}

std::vector<Example> topk_examples() {
  const auto over = [](std::string name, Shape shape, Index k, int axis) {
    return example(
        std::move(name), shape, [=](std::span<const Var> x) { return topk(x[0], k, axis).values; },
        fmt::format("torch.topk(a, {}, {}).values", k, axis));
  };
  return {over("last axis", {2, 19}, 3, -1), over("all", {3, 7}, 7, -1), over("middle axis", {2, 5, 3}, 2, 1),
          over("one element", {3, 1}, 1, 1)};
}

}  // namespace

const Op sort_op{"sort", sort_examples};
const Op topk_op{"topk", topk_examples};

Var sort(const Var& x, int axis, bool descending) {
  require_floating(x.value(), "x", sort_op.name);
  axis = checked_axis(axis, x.shape(), sort_op.name);
  return select(sort_op, x, x.dim(axis), axis, descending).values;
}

Tensor argsort(const Tensor& x, int axis, bool descending, const std::shared_ptr<Pool>& pool) {
  const AxisView view(x.shape(), checked_axis(axis, x.shape(), "argsort"));
  Tensor indices = Tensor::empty(x.shape(), DType::int32, pool);
  dispatch_any(x.dtype(), [&]<class T>(Type<T>) {
    order<T>(x.data<T>(), indices.data<std::int32_t>(), view, view.extent, descending, 1, pool);
  });
  return indices;
}

TopK topk(const Var& x, Index k, int axis) {
  require_floating(x.value(), "x", topk_op.name);
  axis = checked_axis(axis, x.shape(), topk_op.name);
  require(k >= 0 && k <= x.dim(axis), topk_op.name,
          "k is {}, but axis {} of shape {} has {} elements; 0 <= k <= {} was wanted", k, axis, x.shape(), x.dim(axis),
          x.dim(axis));
  return select(topk_op, x, k, axis, true);
}

}  // namespace tempera
