#include "core/ops/reductions.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/axis.h"
#include "core/ops/apply.h"
#include "core/ops/reduce.h"

namespace tempera {
namespace {

using Reduction = Var (*)(const Var&, Axes, bool);

// `torch` is the call with its axes left open: "torch.sum(a, {})".
std::vector<Example> examples_of(Reduction f, const char* torch, double reach, Draw draw = Draw::uniform) {
  const auto one = [&](std::string name, Shape shape, Axes axes, bool keep_dims, const char* dims) {
    return Example{std::move(name),
                   {{shape, -reach, reach, draw}},
                   [f, axes, keep_dims](std::span<const Var> x) { return f(x[0], axes, keep_dims); },
                   fmt::format(fmt::runtime(torch), fmt::format("{}{}", dims, keep_dims ? ", keepdim=True" : ""))};
  };
  return {one("last axis", {2, 19}, -1, false, "-1"),      one("first axis", {3, 17}, 0, false, "0"),
          one("middle axis", {2, 5, 3}, 1, true, "1"),     one("all", {3, 7}, {}, false, "(0, 1)"),
          one("ends", {3, 2, 5}, {0, 2}, false, "(0, 2)"), one("every other", {2, 3, 2, 3}, {-3, 3}, false, "(-3, 3)"),
          one("one element", {3, 1}, 1, false, "1")};
}

template <Reduction F>
std::vector<Example> made(const char* torch, double reach = 2, Draw draw = Draw::uniform) {
  return examples_of(F, torch, reach, draw);
}

const Op sum_op{"sum", [] { return made<sum>("torch.sum(a, {})"); }};
const Op mean_op{"mean", [] { return made<mean>("torch.mean(a, {})"); }};
const Op max_op{"max", [] { return made<max>("torch.amax(a, {})", 4, Draw::distinct); }};
const Op min_op{"min", [] { return made<min>("torch.amin(a, {})", 4, Draw::distinct); }};
const Op logsumexp_op{"logsumexp", [] { return made<logsumexp>("torch.logsumexp(a, {})", 4); }};
const Op norm_op{"norm", [] { return made<norm>("torch.linalg.vector_norm(a, dim={})", 4, Draw::distinct); }};
const Op var_op{"var", [] {
                  const auto biased = [](const Var& x, Axes axes, bool keep) { return var(x, axes, keep); };
                  std::vector<Example> all = examples_of(biased, "torch.var(a, {}, correction=0)", 2);
                  all.push_back({"unbiased",
                                 {{{2, 5, 3}, -2, 2}},
                                 [](std::span<const Var> x) { return var(x[0], 1, true, true); },
                                 "torch.var(a, 1, correction=1, keepdim=True)"});
                  return all;
                }};

const auto identity = [](auto x, auto...) { return x; };

// The loops of one call, and the tensor of its kept shape that the result is made in.
struct Call {
  Call(const Var& x, const Axes& axes, const Op& op)
      : loops(x.shape(), axes, op.name), threads(x.tape().threads()), y((check(x, op), result(x))) {}

  static void check(const Var& x, const Op& op) { require_floating(x.value(), "x", op.name); }
  Tensor result(const Var& x) const { return x.tape().empty(loops.kept_shape(), x.dtype()); }

  ReduceLoops loops;
  int threads;
  Tensor y;
};

// sum x / divisor
Var scaled_sum(const Op& op, const Var& x, const Axes& axes, bool keep_dims, bool by_count) {
  Call call(x, axes, op);
  reduce<Sum>(call.loops, call.threads, identity, call.y, x.value());
  const double divisor = by_count ? static_cast<double>(call.loops.count()) : 1;
  if (by_count)
    apply(
        call.threads, {call.y}, [divisor](auto s) { return s / divisor; }, call.y);
  const auto backward = [kept = call.loops.kept_shape(), divisor](const Tensor& dy, Gradients& dx) {
    apply(
        dx.tape().threads(), dx.into(0), [divisor](auto g) { return g / divisor; }, dy.reshaped(kept));
  };
  return Tape::record(op, {x}, call.y.reshaped(call.loops.shape(keep_dims)), backward);
}

// max of sign * x, times sign
Var extremum(const Op& op, const Var& x, const Axes& axes, bool keep_dims, double sign) {
  Call call(x, axes, op);
  require(call.loops.count() > 0 || call.y.size() == 0, op.name,
          "shape {} has no element along the reduced axes, so there is nothing to choose; leave empty tensors out",
          x.shape());
  const auto times = [sign](auto a, auto...) { return a * sign; };
  reduce<Max>(call.loops, call.threads, times, call.y, x.value());
  apply(call.threads, {call.y}, times, call.y);
  const auto backward = [loops = call.loops, value = x.value(), y = call.y](const Tensor& dy, Gradients& dx) {
    const int threads = dx.tape().threads();
    Tensor share = dx.empty(y.shape(), y.dtype());
    const auto is_top = [](auto a, auto, auto top) { return where(a == top, decltype(a)(1), decltype(a)(0)); };
    reduce<Sum>(loops, threads, is_top, share, value, {}, y);
    apply(
        threads, {share}, [](auto g, auto ties) { return g / ties; }, dy.reshaped(y.shape()), share);
    apply(
        threads, dx.into(0), [](auto a, auto top, auto g) { return where(a == top, g, decltype(a)(0)); }, value, y,
        share);
  };
  return Tape::record(op, {x}, call.y.reshaped(call.loops.shape(keep_dims)), backward);
}

}  // namespace

Var sum(const Var& x, Axes axes, bool keep_dims) {
  return scaled_sum(sum_op, x, axes, keep_dims, false);
}

Var mean(const Var& x, Axes axes, bool keep_dims) {
  return scaled_sum(mean_op, x, axes, keep_dims, true);
}

Var max(const Var& x, Axes axes, bool keep_dims) {
  return extremum(max_op, x, axes, keep_dims, 1);
}

Var min(const Var& x, Axes axes, bool keep_dims) {
  return extremum(min_op, x, axes, keep_dims, -1);
}

Var var(const Var& x, Axes axes, bool keep_dims, bool unbiased) {
  Call call(x, axes, var_op);
  const double n = static_cast<double>(call.loops.count());
  const double m = std::max(0., n - (unbiased ? 1 : 0));
  Tensor center = call.result(x);
  reduce<Sum>(call.loops, call.threads, identity, center, x.value());
  apply(
      call.threads, {center}, [n](auto s) { return s / n; }, center);
  const auto squared = [](auto a, auto, auto c) { return square(a - c); };
  reduce<Sum>(call.loops, call.threads, squared, call.y, x.value(), {}, center);
  apply(
      call.threads, {call.y}, [m](auto s) { return s / m; }, call.y);
  const auto backward = [value = x.value(), center, m](const Tensor& dy, Gradients& dx) {
    const auto slope = [m](auto a, auto c, auto g) { return g * ((a - c) * (2 / m)); };
    apply(dx.tape().threads(), dx.into(0), slope, value, center, dy.reshaped(center.shape()));
  };
  return Tape::record(var_op, {x}, call.y.reshaped(call.loops.shape(keep_dims)), backward);
}

Var logsumexp(const Var& x, Axes axes, bool keep_dims) {
  Call call(x, axes, logsumexp_op);
  Tensor top = call.result(x), total = call.result(x);
  reduce<Max>(call.loops, call.threads, identity, top, x.value());
  // An infinite maximum is no shift: inf - inf would be NaN.
  apply(
      call.threads, {top}, [](auto t) { return where(abs(t) == HUGE_VAL, decltype(t)(0), t); }, top);
  reduce<Sum>(
      call.loops, call.threads, [](auto a, auto, auto t) { return exp(a - t); }, total, x.value(), {}, top);
  apply(
      call.threads, {call.y}, [](auto t, auto s) { return t + log(s); }, top, total);
  // Keeping t and the sum apart keeps the gradient exact where |x| is so large that y itself is coarse.
  const auto backward = [value = x.value(), top, total](const Tensor& dy, Gradients& dx) {
    const auto slope = [](auto a, auto t, auto s, auto g) {
      return where(s == decltype(s)(0), decltype(a)(0), exp(a - t) * (g / s));
    };
    apply(dx.tape().threads(), dx.into(0), slope, value, top, total, dy.reshaped(top.shape()));
  };
  return Tape::record(logsumexp_op, {x}, call.y.reshaped(call.loops.shape(keep_dims)), backward);
}

Var norm(const Var& x, Axes axes, bool keep_dims) {
  Call call(x, axes, norm_op);
  reduce<Sum>(
      call.loops, call.threads, [](auto a, auto...) { return square(a); }, call.y, x.value());
  apply(
      call.threads, {call.y}, [](auto s) { return sqrt(s); }, call.y);
  const auto backward = [value = x.value(), y = call.y](const Tensor& dy, Gradients& dx) {
    const auto slope = [](auto a, auto length, auto g) {
      return where(length == decltype(a)(0), decltype(a)(0), a * (g / length));
    };
    apply(dx.tape().threads(), dx.into(0), slope, value, y, dy.reshaped(y.shape()));
  };
  return Tape::record(norm_op, {x}, call.y.reshaped(call.loops.shape(keep_dims)), backward);
}

Tensor argmax(const Tensor& x, int axis, const std::shared_ptr<Pool>& pool) {
  axis = checked_axis(axis, x.shape(), "argmax");
  const AxisView view(x.shape(), axis);
  Tensor y = Tensor::zeros(x.shape().without(axis), DType::int32, pool);
  require(view.extent > 0 || y.size() == 0, "argmax",
          "axis {} of shape {} has no element, so there is nothing to choose; leave empty tensors out", axis,
          x.shape());
  dispatch_any(x.dtype(), [&]<class T>(Type<T>) {
    const T* in = x.data<T>();
    std::int32_t* best = y.data<std::int32_t>();
    for (Index o = 0; o < view.outer; ++o)
      for (Index e = 1; e < view.extent; ++e)
        for (Index i = 0; i < view.inner; ++i) {
          std::int32_t& at = best[o * view.inner + i];
          const T now = in[view.at(o, e, i)], top = in[view.at(o, at, i)];
          if (now > top || (now != now && top == top)) at = static_cast<std::int32_t>(e);
        }
  });
  return y;
}

std::span<const Op* const> reduction_ops() {
  static constexpr std::array kOps{&sum_op, &mean_op, &max_op, &min_op, &var_op, &logsumexp_op, &norm_op};
  return kOps;
}

}  // namespace tempera
