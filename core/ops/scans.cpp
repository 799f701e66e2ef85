#include "core/ops/scans.h"

#include <limits>

#include "core/axis.h"
#include "core/ops/apply.h"

namespace tempera {
namespace {

constexpr Index kBlock = 64;  // lines that run side by side: their values fit into registers or L1

// Neighbouring lines along the axis: columns, or rows where the axis is the last. Several at once, so that no addition
// waits for the one before.
template <bool Rows>
struct Block {
  Index offset, width, extent, stride;
  Index at(Index e, Index i) const { return Rows ? offset + i * stride + e : offset + e * stride + i; }
};

// Calls f(block) for all blocks of at most kBlock columns, or 8 rows.
template <class F>
void for_blocks(int threads, const AxisView& view, const F& f) {
  if (view.inner == 1)
    return parallel_panels(threads, view.outer, 8, [&](Index first, Index last) {
      f(Block<true>{first * view.extent, last - first, view.extent, view.extent});
    });
  const Index blocks = (view.inner + kBlock - 1) / kBlock;
  parallel_panels(threads, view.outer * blocks, 16, [&](Index first, Index last) {
    for (Index k = first; k < last; ++k) {
      const Index begin = k % blocks * kBlock, slab = view.extent * view.inner;
      f(Block<false>{k / blocks * slab + begin, std::min(kBlock, view.inner - begin), view.extent, view.inner});
    }
  });
}

// y (+)= the running sum of x, from the front or from the back.
template <class T>
void running_sum(const Tensor& x, Tensor& y, const AxisView& view, int threads, bool from_back, bool add) {
  const T* in = x.data<T>();
  T* out = y.data<T>();
  for_blocks(threads, view, [&](const auto block) {
    double sum[kBlock] = {};
    for (Index e = 0; e < block.extent; ++e)
      for (Index i = 0; i < block.width; ++i) {
        const Index at = block.at(from_back ? block.extent - 1 - e : e, i);
        sum[i] += static_cast<double>(in[at]);
        out[at] = (add ? out[at] : T(0)) + static_cast<T>(sum[i]);
      }
  });
}

template <class T>
void running_max(const Tensor& x, Tensor& y, const AxisView& view, int threads) {
  const T* in = x.data<T>();
  T* out = y.data<T>();
  for_blocks(threads, view, [&](const auto block) {
    T top[kBlock];
    std::fill_n(top, kBlock, -std::numeric_limits<T>::infinity());
    for (Index e = 0; e < block.extent; ++e)
      for (Index i = 0; i < block.width; ++i) {
        const T now = in[block.at(e, i)];
        top[i] = top[i] > now || top[i] != top[i] ? top[i] : now;
        out[block.at(e, i)] = top[i];
      }
  });
}

// From the back: what has been collected goes to the first element met that is the running maximum itself.
template <class T>
void running_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Into to, const AxisView& view,
                          int threads) {
  const T *in = x.data<T>(), *top = y.data<T>(), *g = dy.data<T>();
  T* out = to.grad.data<T>();
  for_blocks(threads, view, [&](const auto block) {
    T sum[kBlock] = {};
    for (Index e = block.extent - 1; e >= 0; --e)
      for (Index i = 0; i < block.width; ++i) {
        const Index at = block.at(e, i);
        sum[i] += g[at];
        const bool here = in[at] == top[at] || in[at] != in[at];
        out[at] = (to.add ? out[at] : T(0)) + (here ? sum[i] : T(0));
        sum[i] = here ? T(0) : sum[i];
      }
  });
}

std::vector<Example> examples_of(Var (*f)(const Var&, int), const std::string& torch) {
  const auto over = [&](std::string title, Shape shape, int axis) {
    return Example{std::move(title),
                   {{shape, -4, 4, Draw::distinct}},
                   [f, axis](std::span<const Var> x) { return f(x[0], axis); },
                   fmt::format(fmt::runtime(torch), axis)};
  };
  return {over("last axis", {2, 19}, -1), over("middle axis", {2, 5, 3}, 1), over("first axis", {3, 17}, 0),
          over("one element", {3, 1}, 1)};
}

AxisView view_of(const Op& op, const Var& x, int axis) {
  require_floating(x.value(), "x", op.name);
  return AxisView(x.shape(), checked_axis(axis, x.shape(), op.name));
}

}  // namespace

const Op cumsum_op{"cumsum", [] { return examples_of(cumsum, "torch.cumsum(a, {})"); }};
const Op cummax_op{"cummax", [] { return examples_of(cummax, "torch.cummax(a, {}).values"); }};

Var cumsum(const Var& x, int axis) {
  const AxisView view = view_of(cumsum_op, x, axis);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) { running_sum<T>(x.value(), y, view, tape.threads(), false, false); });
  return Tape::record(cumsum_op, {x}, std::move(y), [view](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(),
             [&]<class T>(Type<T>) { running_sum<T>(dy, to.grad, view, dx.tape().threads(), true, to.add); });
  });
}

Var cummax(const Var& x, int axis) {
  const AxisView view = view_of(cummax_op, x, axis);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) { running_max<T>(x.value(), y, view, tape.threads()); });
  return Tape::record(cummax_op, {x}, y, [view, value = x.value(), y](const Tensor& dy, Gradients& dx) {
    dispatch(dy.dtype(),
             [&]<class T>(Type<T>) { running_max_backward<T>(value, y, dy, dx.into(0), view, dx.tape().threads()); });
  });
}

}  // namespace tempera
