#include "core/ops/elementwise.h"

#include <array>

#include "core/activation.h"
#include "core/parallel.h"
#include "core/pointwise.h"

namespace tempera {
namespace {

using Unary = Var (*)(const Var&);
using Binary = Var (*)(const Var&, const Var&);

std::vector<Example> unary(Unary f, double low, double high, const char* torch) {
  const auto call = [f](std::span<const Var> x) { return f(x[0]); };
  return {{"a row", {{{19}, low, high}}, call, torch},
          {"a matrix", {{{3, 7}, low, high}}, call, torch},
          {"a scalar", {{{}, low, high}}, call, torch}};
}

std::vector<Example> binary(Binary f, double low, double high, const char* torch) {
  const auto call = [f](std::span<const Var> x) { return f(x[0], x[1]); };
  return {{"same shape", {{{3, 6}, low, high}, {{3, 6}, low, high}}, call, torch},
          {"a row", {{{4, 5}, low, high}, {{5}, low, high}}, call, torch},
          {"outer", {{{4, 1}, low, high}, {{1, 17}, low, high}}, call, torch}};
}

constexpr double kSmooth = 1e-9;  // no reduction but that of broadcasting

// One constant and one function per operation.
#define TEMPERA_UNARY(NAME, LOW, HIGH, TORCH, FORMULA)                                       \
  const Op NAME##_op{#NAME, [] { return unary(tempera::NAME, LOW, HIGH, TORCH); }, kSmooth}; \
  }                                                                                          \
  Var NAME(const Var& x) {                                                                   \
    return pointwise(                                                                        \
        NAME##_op, [](auto a) { return FORMULA; }, x);                                       \
  }                                                                                          \
  namespace {
#define TEMPERA_BINARY(NAME, LOW, HIGH, TORCH, FORMULA)                                       \
  const Op NAME##_op{#NAME, [] { return binary(tempera::NAME, LOW, HIGH, TORCH); }, kSmooth}; \
  }                                                                                           \
  Var NAME(const Var& x, const Var& y) {                                                      \
    return pointwise(                                                                         \
        NAME##_op, [](auto a, auto b) { return FORMULA; }, x, y);                             \
  }                                                                                           \
  namespace {

// clang-format off
TEMPERA_UNARY(exp,        -3,    3,   "torch.exp(a)",                        exp(a))
TEMPERA_UNARY(expm1,      -2,    2,   "torch.expm1(a)",                      expm1(a))
TEMPERA_UNARY(log,         0.3,  4,   "torch.log(a)",                        log(a))
TEMPERA_UNARY(log1p,      -0.7,  3,   "torch.log1p(a)",                      log1p(a))
TEMPERA_UNARY(sqrt,        0.3,  4,   "torch.sqrt(a)",                       sqrt(a))
TEMPERA_UNARY(rsqrt,       0.3,  4,   "torch.rsqrt(a)",                      rsqrt(a))
TEMPERA_UNARY(square,     -3,    3,   "torch.square(a)",                     square(a))
TEMPERA_UNARY(abs,        -3,    3,   "torch.abs(a)",                        abs(a))
TEMPERA_UNARY(neg,        -3,    3,   "-a",                                  -a)
TEMPERA_UNARY(reciprocal,  0.3,  4,   "1 / a",                               1 / a)
TEMPERA_UNARY(sin,        -4,    4,   "torch.sin(a)",                        sin(a))
TEMPERA_UNARY(cos,        -4,    4,   "torch.cos(a)",                        cos(a))
TEMPERA_UNARY(tanh,       -3,    3,   "torch.tanh(a)",                       tanh(a))
TEMPERA_UNARY(erf,        -3,    3,   "torch.erf(a)",                        erf(a))
TEMPERA_UNARY(sigmoid,    -5,    5,   "torch.sigmoid(a)",                    sigmoid(a))
TEMPERA_UNARY(softplus,   -5,    5,   "F.softplus(a, threshold=1000)",       softplus(a))
TEMPERA_UNARY(relu,       -3,    3,   "torch.relu(a)",                       formulas::Relu{}(a))
TEMPERA_UNARY(gelu,       -4,    4,   "F.gelu(a)",                           formulas::Gelu{}(a))
TEMPERA_UNARY(gelu_tanh,  -4,    4,   "F.gelu(a, approximate='tanh')",       formulas::GeluTanh{}(a))
TEMPERA_UNARY(silu,       -5,    5,   "F.silu(a)",                           formulas::Silu{}(a))

TEMPERA_BINARY(sub,       -2,    2,   "a - b",                               a - b)
TEMPERA_BINARY(mul,       -2,    2,   "a * b",                               a * b)
TEMPERA_BINARY(div,        0.5,  2,   "a / b",                               a / b)
TEMPERA_BINARY(minimum,   -2,    2,   "torch.minimum(a, b)",                 min(a, b))
TEMPERA_BINARY(maximum,   -2,    2,   "torch.maximum(a, b)",                 max(a, b))
// clang-format on
#undef TEMPERA_UNARY
#undef TEMPERA_BINARY

const Op add_op{"add", [] { return binary(tempera::add, -2, 2, "a + b"); }, kSmooth};
}  // namespace

// The gradient of both is that of the sum. Where shapes agree nothing is kept, computed or copied for it: a residual
// stream costs one pass forward and none backward.
Var add(const Var& x, const Var& y) {
  if (x.shape() != y.shape() || x.dtype() != y.dtype() || !is_floating(x.dtype()))
    return pointwise(
        add_op, [](auto a, auto b) { return a + b; }, x, y);
  Tape& tape = x.tape();
  Tensor sum = tape.empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const T *a = x.value().data<T>(), *b = y.value().data<T>();
    T* out = sum.data<T>();
    constexpr Index kPanel = 16384;
    parallel_panels(tape.threads(), sum.size(), kPanel, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) out[i] = a[i] + b[i];
    });
  });
  return Tape::record(add_op, {x, y}, std::move(sum), [](const Tensor& dy, Gradients& dx) {
    dx.add(0, dy);
    dx.add(1, dy);
  });
}

namespace {

const Op pow_op{"pow",
                [] {
                  std::vector<Example> all =
                      binary([](const Var& a, const Var& b) { return tempera::pow(a, b); }, 0.5, 2, "torch.pow(a, b)");
                  all.push_back({"constant exponent",
                                 {{{3, 6}, 0.5, 2}},
                                 [](std::span<const Var> x) { return tempera::pow(x[0], 2.5); },
                                 "torch.pow(a, 2.5)"});
                  all.push_back({"cube of both signs",
                                 {{{9}, -2, 2}},
                                 [](std::span<const Var> x) { return tempera::pow(x[0], 3); },
                                 "torch.pow(a, 3)"});
                  return all;
                },
                kSmooth};

const Op clamp_op{"clamp",
                  [] {
                    return std::vector<Example>{{"both bounds",
                                                 {{{4, 9}, -2, 2}},
                                                 [](std::span<const Var> x) { return tempera::clamp(x[0], -1, 0.5); },
                                                 "torch.clamp(a, -1, 0.5)"}};
                  },
                  kSmooth};

const Op scale_op{"scale",
                  [] {
                    return std::vector<Example>{{"affine",
                                                 {{{4, 9}, -2, 2}},
                                                 [](std::span<const Var> x) { return scale(x[0], -1.5, 0.25); },
                                                 "-1.5 * a + 0.25"}};
                  },
                  kSmooth};

const Op where_op{
    "where",
    [] {
      const auto call = [](std::span<const Var> x) { return where(x[0].value(), x[1], x[2]); };
      return std::vector<Example>{
          {"same shape", {{{3, 6}, 0, 2, Draw::index}, {{3, 6}}, {{3, 6}}}, call, "torch.where(a != 0, b, c)"},
          {"a mask per row", {{{4, 1}, 0, 2, Draw::index}, {{4, 5}}, {{5}}}, call, "torch.where(a != 0, b, c)"}};
    },
    kSmooth};

}  // namespace

Var pow(const Var& x, const Var& y) {
  return pointwise(
      pow_op, [](auto a, auto b) { return pow(a, b); }, x, y);
}

Var pow(const Var& x, double exponent) {
  return pointwise(
      pow_op, [exponent](auto a) { return pow(a, exponent); }, x);
}

Var clamp(const Var& x, double low, double high) {
  require(low <= high, clamp_op.name, "the lower bound {} exceeds the upper bound {}", low, high);
  return pointwise(
      clamp_op, [low, high](auto a) { return clamp(a, decltype(a)(low), decltype(a)(high)); }, x);
}

Var scale(const Var& x, double factor, double shift) {
  return pointwise(
      scale_op, [factor, shift](auto a) { return a * factor + shift; }, x);
}

Var where(const Tensor& condition, const Var& a, const Var& b) {
  Tape& tape = a.tape();
  const Var c = tape.constant(condition.to(a.dtype(), tape.pool()));
  return pointwise(
      where_op, [](auto m, auto x, auto y) { return where(m != decltype(m)(0), x, y); }, c, a, b);
}

std::span<const Op* const> elementwise_ops() {
  static constexpr std::array kOps{&exp_op,       &expm1_op,   &log_op,     &log1p_op,      &sqrt_op,  &rsqrt_op,
                                   &square_op,    &abs_op,     &neg_op,     &reciprocal_op, &sin_op,   &cos_op,
                                   &tanh_op,      &erf_op,     &sigmoid_op, &softplus_op,   &relu_op,  &gelu_op,
                                   &gelu_tanh_op, &silu_op,    &add_op,     &sub_op,        &mul_op,   &div_op,
                                   &minimum_op,   &maximum_op, &pow_op,     &clamp_op,      &scale_op, &where_op};
  return kOps;
}

}  // namespace tempera
