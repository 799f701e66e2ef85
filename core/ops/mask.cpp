#include "core/ops/mask.h"

#include <algorithm>

#include "core/pointwise.h"

namespace tempera {
namespace {

constexpr Index kPanel = 16384;  // elements

// y = value where the mask holds, x elsewhere; with add, y grows by as much.
void fill_masked(const BroadcastLoops<2>& loops, const Tensor& x, const Tensor& mask, Tensor& y, double value, bool add,
                 int threads) {
  const std::int32_t* hides = mask.data<std::int32_t>();
  const detail::PointwisePanels<2> panels(loops);
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T *in = x.data<T>(), filler = static_cast<T>(value);
    T* out = y.data<T>();
    const Index step = loops.step(1);
    const auto run = [&](const T* from, const std::int32_t* hide, T* to, Index n) {
      if (add)
        for (Index i = 0; i < n; ++i) to[i] += hide[i * step] ? filler : from[i];
      else
        for (Index i = 0; i < n; ++i) to[i] = hide[i * step] ? filler : from[i];
    };
    parallel_panels(threads, panels.count, panels.grain, [&](Index first, Index last) {
      if (panels.split_inner) return run(in + first, hides + first * step, out + first, last - first);
      const Index inner = loops.inner();
      for (Index row = first; row < last; ++row)
        run(in + row * inner, hides + loops.offsets(row)[1], out + row * inner, inner);
    });
  });
}

// y (+)= the triangle of x, in which row i keeps the columns [first, last) of its m.
struct Triangle {
  Index n, m, diagonal;
  bool lower;

  void copy(const Tensor& x, Tensor& y, bool add, int threads) const {
    if (x.size() == 0) return;
    dispatch(x.dtype(), [&]<class T>(Type<T>) {
      const T* in = x.data<T>();
      T* out = y.data<T>();
      parallel_panels(threads, x.size() / m, std::max<Index>(1, kPanel / m), [&](Index first, Index last) {
        for (Index row = first; row < last; ++row) {
          const Index i = row % n;
          const Index edge = std::clamp<Index>(i + diagonal + (lower ? 1 : 0), 0, m);
          const Index begin = lower ? 0 : edge, end = lower ? edge : m;
          const T* from = in + row * m;
          T* to = out + row * m;
          if (add) {
            for (Index j = begin; j < end; ++j) to[j] += from[j];
            continue;
          }
          std::fill(to, to + begin, T(0));
          std::copy(from + begin, from + end, to + begin);
          std::fill(to + end, to + m, T(0));
        }
      });
    });
  }
};

Var triangle(std::string_view who, const Var& x, Index diagonal, bool lower) {
  require(x.rank() >= 2, who, "shape {} came; [.., n, m] was wanted", x.shape());
  // Beyond the corners nothing changes, and the sums below cannot overflow.
  const Index n = x.shape().back(1), m = x.shape().back();
  const Triangle part{n, m, std::clamp(diagonal, -n - 1, m + 1), lower};
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  part.copy(x.value(), y, false, tape.threads());
  return Tape::record(triangle_op, {x}, std::move(y), [part](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    part.copy(dy, to.grad, to.add, dx.tape().threads());
  });
}

std::vector<Example> masked_fill_examples() {
  const auto with = [](double value) {
    return [value](std::span<const Var> x) { return masked_fill(x[0], x[1].value(), value); };
  };
  return {
      {"same shape", {{{3, 19}}, {{3, 19}, 0, 2, Draw::index}}, with(-7), "a.masked_fill(b != 0, -7)"},
      {"a mask of columns", {{{2, 3, 5}}, {{5}, 0, 2, Draw::index}}, with(0.5), "a.masked_fill(b != 0, 0.5)"},
      {"a mask of rows", {{{2, 3, 5}}, {{2, 1, 1}, 0, 2, Draw::index}}, with(1), "a.masked_fill(b != 0, 1)"},
      {"one for all", {{{7}}, {{1}, 0, 1, Draw::index}}, with(1), "a.masked_fill(b != 0, 1)"},
  };
}

std::vector<Example> triangle_examples() {
  const auto lower = [](Index d) { return [d](std::span<const Var> x) { return tril(x[0], d); }; };
  const auto upper = [](Index d) { return [d](std::span<const Var> x) { return triu(x[0], d); }; };
  return {
      {"lower", {{{5, 5}}}, lower(0), "torch.tril(a)"},
      {"lower, wide", {{{3, 19}}}, lower(2), "torch.tril(a, 2)"},
      {"lower, below", {{{2, 7, 3}}}, lower(-1), "torch.tril(a, -1)"},
      {"upper", {{{2, 3, 3}}}, upper(0), "torch.triu(a)"},
      {"upper, above", {{{3, 17}}}, upper(1), "torch.triu(a, 1)"},
      {"upper, all", {{{1, 1}}}, upper(-5), "torch.triu(a, -5)"},
  };
}

}  // namespace

const Op masked_fill_op{"masked_fill", masked_fill_examples, 1e-9};
const Op triangle_op{"triangle", triangle_examples, 1e-9};

Var masked_fill(const Var& x, const Tensor& mask, double value) {
  require(mask.defined() && mask.dtype() == DType::int32, masked_fill_op.name, "the mask is {}; int32 was wanted",
          mask);
  const BroadcastLoops<2> loops({x.shape(), mask.shape()}, masked_fill_op.name);
  require(loops.shape() == x.shape(), masked_fill_op.name,
          "the mask {} is larger than {}; it may only be repeated, not repeat the input", mask.shape(), x.shape());
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  fill_masked(loops, x.value(), mask, y, value, false, tape.threads());
  return Tape::record(masked_fill_op, {x}, std::move(y), [loops, mask](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    fill_masked(loops, dy, mask, to.grad, 0, to.add, dx.tape().threads());
  });
}

Var tril(const Var& x, Index diagonal) {
  return triangle("tril", x, diagonal, true);
}

Var triu(const Var& x, Index diagonal) {
  return triangle("triu", x, diagonal, false);
}

Tensor causal_mask(Index n, Index m, const std::shared_ptr<Pool>& pool) {
  require(n >= 0 && m >= 0, "causal_mask", "{} queries and {} keys came; 0 or more were wanted", n, m);
  Tensor mask = Tensor::empty({n, m}, DType::int32, pool);
  std::int32_t* out = mask.data<std::int32_t>();
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < m; ++j) out[i * m + j] = j - i > m - n;
  return mask;
}

}  // namespace tempera
