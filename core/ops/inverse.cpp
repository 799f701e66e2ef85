#include "core/ops/inverse.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/product.h"
#include "core/ops/elementwise.h"
#include "core/ops/substitution.h"
#include "core/parallel.h"

namespace tempera {
namespace {

// The largest sum of absolute values of a column.
template <class T>
double norm(const T* a, Index n) {
  double largest = 0;
  for (Index j = 0; j < n; ++j) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += static_cast<double>(std::abs(a[i * n + j]));
    if (!(sum <= largest)) largest = sum;
  }
  return largest;
}

// y = x^-1; the condition number, infinite if there is no inverse. `factors` is scratch of n^2.
template <class T>
double invert(const T* x, T* y, T* factors, Index n) {
  std::copy_n(x, n * n, factors);
  std::fill_n(y, n * n, T(0));
  for (Index i = 0; i < n; ++i) y[i * (n + 1)] = 1;
  if (!factor(factors, y, n, n)) return std::numeric_limits<double>::infinity();
  substitute(factors, y, n, n, {.lower = true, .unit_diagonal = true});
  substitute(factors, y, n, n, {.lower = false});
  return norm(x, n) * norm(y, n);
}

template <class T>
void backward(Tape& tape, const Tensor& y, const Tensor& dy, Into to, Index count, Index n) {
  using enum kernels::Transpose;
  Tensor half = tape.empty(y.shape(), y.dtype());
  const kernels::Team team{tape.threads(), tape.pool(), tape.matrix_units()};
  const kernels::Batch batch{count, n * n, n * n, n * n};
  const T* inverse = y.data<T>();
  kernels::products<T>(team, batch, n, n, n, -1, {inverse, n, yes}, {dy.data<T>(), n}, 0, half.data<T>(), n);
  kernels::products<T>(team, batch, n, n, n, 1, {half.data<T>(), n}, {inverse, n, yes}, to.add ? T(1) : T(0),
                       to.grad.data<T>(), n);
}

// The inverse of x + shift I: far from singular.
Var shifted(const Var& x, double shift) {
  const Index n = x.shape().back();
  Tensor identity = x.tape().zeros({n, n}, x.dtype());
  for (Index i = 0; i < n; ++i) identity.set(i * (n + 1), shift);
  return inverse(x + x.tape().constant(identity));
}

std::vector<Example> examples() {
  const auto shift = [](double by) { return [by](std::span<const Var> x) { return shifted(x[0], by); }; };
  return {
      {"a batch", {{{2, 3, 3}}}, shift(4), "torch.linalg.inv(a + 4 * torch.eye(3, dtype=a.dtype))"},
      {"a prime", {{{7, 7}}}, shift(8), "torch.linalg.inv(a + 8 * torch.eye(7, dtype=a.dtype))"},
      {"numbers",
       {{{2, 3, 1, 1}, 0.5, 2}},
       [](std::span<const Var> x) { return inverse(x[0]); },
       "torch.linalg.inv(a)"},
      {"rows exchanged",
       {{{3, 2, 2}}},
       [](std::span<const Var> x) {
         Tensor swap = x[0].tape().zeros({2, 2}, x[0].dtype());
         swap.set(1, 3);
         swap.set(2, -3);
         return inverse(x[0] + x[0].tape().constant(swap));
       },
       "torch.linalg.inv(a + torch.tensor([[0, 3], [-3, 0]], dtype=a.dtype))"},
  };
}

}  // namespace

const Op inverse_op{"inverse", examples};

Var inverse(const Var& x) {
  const std::string_view who = inverse_op.name;
  require(is_floating(x.dtype()), who, "x is {}; convert it to float32 or float64", x.dtype());
  require(x.rank() >= 2 && x.shape().back() == x.shape().back(1), who,
          "x is {}; square matrices [.., n, n] were wanted", x.shape());
  const Index n = x.shape().back(), count = x.shape().product(0, x.rank() - 2);
  Tape& tape = x.tape();
  Tensor y = tape.empty(x.shape(), x.dtype());
  Tensor condition = tape.empty({count}, DType::float64);
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    Tensor scratch = tape.empty({tape.threads(), n * n}, x.dtype());
    parallel_units(tape.threads(), count, [&](Index worker, Index unit) {
      condition.data<double>()[unit] =
          invert(x.value().data<T>() + unit * n * n, y.data<T>() + unit * n * n, scratch.data<T>() + worker * n * n, n);
    });
    for (Index i = 0; i < count; ++i)
      require(
          condition.at(i) < 1 / static_cast<double>(std::numeric_limits<T>::epsilon()), who,
          "matrix {} of x {} has no inverse in {} (condition number {:.2g}); add a multiple of the identity, or leave "
          "it out",
          i, x.shape(), x.dtype(), condition.at(i));
  });
  return Tape::record(inverse_op, {x}, y, [y, count, n](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) { backward<T>(dx.tape(), y, dy, to, count, n); });
  });
}

}  // namespace tempera
