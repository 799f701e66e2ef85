#include "core/ops/softmax.h"

#include <limits>

#include "core/ops/apply.h"
#include "core/ops/strip.h"

namespace tempera {
namespace {

template <class T>
constexpr T kLow = -std::numeric_limits<T>::infinity();

// The maximum of a strip; 0 where all is -inf, so that exp(x - shift) is 0 there and not NaN.
template <class T, class Strip>
TEMPERA_INLINE Lanes<T> shift_of(const Strip& strip, const T* x) {
  Lanes<T> top(kLow<T>);
  strip.each([&](auto io, Index at) { top = max(top, io.load(x + at, kLow<T>)); });
  top = strip.max(top);
  return where(top == Lanes<T>(kLow<T>), Lanes<T>(0), top);
}

template <class T>
struct Softmax {
  SoftmaxAlgorithm algorithm;

  void forward(const RowStrip<T>& strip, const T* x, T* y) const {
    kernels::softmax_row(algorithm, x, y, strip.extent);
  }
  void forward(const ColumnStrip<T>& strip, const T* x, T* y) const {
    const Lanes<T> shift = shift_of<T>(strip, x);
    Lanes<T> total(0);
    strip.each([&](auto io, Index at) {
      // Lanes past the end are exp(0), and then 0: exp(-inf) would run through slow denormals.
      const Lanes<T> e = io.keep(exp(io.keep(io.load(x + at, 0) - shift)));
      total += e;
      io.store(y + at, e);
    });
    const Lanes<T> scale = where(total == Lanes<T>(0), Lanes<T>(0), Lanes<T>(1) / total);
    strip.each([&](auto io, Index at) { io.store(y + at, io.load(y + at, 0) * scale); });
  }

  void backward(const RowStrip<T>& strip, const T* y, const T* dy, T* dx, bool add) const {
    kernels::softmax_row_gradient(y, dy, dx, strip.extent, add);
  }
  void backward(const ColumnStrip<T>& strip, const T* y, const T* dy, T* dx, bool add) const {
    Lanes<T> dot(0);
    strip.each([&](auto io, Index at) { dot += io.load(y + at, 0) * io.load(dy + at, 0); });
    strip.each([&](auto io, Index at) {
      const Lanes<T> g = io.load(y + at, 0) * (io.load(dy + at, 0) - dot);
      io.store(dx + at, add ? io.load(dx + at, 0) + g : g);
    });
  }
};

template <class T>
struct LogSoftmax {
  template <class Strip>
  void forward(const Strip& strip, const T* x, T* y) const {
    const Lanes<T> shift = shift_of<T>(strip, x);
    Lanes<T> total(0);
    strip.each([&](auto io, Index at) { total += io.keep(exp(io.keep(io.load(x + at, 0) - shift))); });
    total = strip.sum(total);
    const Lanes<T> rest = where(total == Lanes<T>(0), Lanes<T>(0), log(total));
    strip.each([&](auto io, Index at) { io.store(y + at, io.load(x + at, 0) - shift - rest); });
  }

  template <class Strip>
  void backward(const Strip& strip, const T* y, const T* dy, T* dx, bool add) const {
    Lanes<T> total(0), top(kLow<T>);
    strip.each([&](auto io, Index at) {
      total += io.load(dy + at, 0);
      top = max(top, io.load(y + at, kLow<T>));
    });
    total = strip.sum(total);
    top = strip.max(top);
    strip.each([&](auto io, Index at) {
      const Lanes<T> slope = io.load(dy + at, 0) - exp(io.load(y + at, 0)) * total;
      const Lanes<T> g = where(top == Lanes<T>(kLow<T>), Lanes<T>(0), slope);
      io.store(dx + at, add ? io.load(dx + at, 0) + g : g);
    });
  }
};

template <template <class> class Kernel, class... Parameters>
Var along_axis(const Op& op, const Var& x, int axis, Parameters... parameters) {
  require_floating(x.value(), "x", op.name);
  const AxisView view(x.shape(), checked_axis(axis, x.shape(), op.name));
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.value().data<T>();
    T* out = y.data<T>();
    for_strips<T>(tape.threads(), view,
                  [&](const auto& strip, Index at) { Kernel<T>{parameters...}.forward(strip, in + at, out + at); });
  });
  return Tape::record(op, {x}, y, [y, view, parameters...](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T *value = y.data<T>(), *g = dy.data<T>();
      T* out = to.grad.data<T>();
      for_strips<T>(dx.tape().threads(), view, [&](const auto& strip, Index at) {
        Kernel<T>{parameters...}.backward(strip, value + at, g + at, out + at, to.add);
      });
    });
  });
}

template <class F>
std::vector<Example> examples_of(F f, const std::string& name) {
  const auto over = [&](std::string title, Shape shape, int axis, double reach) {
    return Example{std::move(title),
                   {{shape, -reach, reach}},
                   [f, axis](std::span<const Var> x) { return f(x[0], axis); },
                   fmt::format("torch.{}(a, {})", name, axis)};
  };
  return {over("last axis", {3, 19}, -1, 4), over("middle axis", {2, 5, 3}, 1, 4),
          over("first axis", {3, 18}, 0, 4), over("one element", {4, 1}, -1, 1),
          over("large", {2, 7}, -1, 1e4),    over("large, first axis", {5, 3}, 0, 1e4)};
}

std::vector<Example> softmax_examples() {
  std::vector<Example> all = examples_of([](const Var& x, int axis) { return softmax(x, axis); }, "softmax");
  for (const auto& info : kernels::softmax_algorithms())
    all.push_back({std::string(info.name),
                   {{{2, 37}, -4, 4}},
                   [algorithm = info.algorithm](std::span<const Var> x) { return softmax(x[0], -1, algorithm); },
                   "torch.softmax(a, -1)"});
  return all;
}

std::vector<Example> log_softmax_examples() {
  return examples_of([](const Var& x, int axis) { return log_softmax(x, axis); }, "log_softmax");
}

}  // namespace

const Op softmax_op{"softmax", softmax_examples};
const Op log_softmax_op{"log_softmax", log_softmax_examples};

Var softmax(const Var& x, int axis, SoftmaxAlgorithm algorithm) {
  return along_axis<Softmax>(softmax_op, x, axis, algorithm);
}

Var log_softmax(const Var& x, int axis) {
  return along_axis<LogSoftmax>(log_softmax_op, x, axis);
}

}  // namespace tempera
