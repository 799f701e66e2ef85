#include "core/ops/channel_norm.h"

#include "core/ops/affine.h"
#include "core/ops/reduce.h"

namespace tempera {
namespace {

const auto identity = [](auto a, auto...) { return a; };

// x [B, C, ...] seen as [B, G, K, S]: groups of K channels. Group norm has statistics [B, G, 1, 1]; batch norm has
// K = 1 and statistics [1, G, 1, 1].
struct View {
  Shape full, stats, feature;  // feature: gamma and beta as [G, K, 1]
  Index count;                 // elements that share one statistic

  View(const Shape& x, Index groups, bool over_batch)
      : full{x[0], groups, x[1] / groups, x.product(2, x.rank())},
        stats{over_batch ? 1 : x[0], groups, 1, 1},
        feature{groups, x[1] / groups, 1},
        count(full[2] * full[3] * (over_batch ? x[0] : 1)) {}
  Axes stat_axes() const { return stats[0] == 1 && full[0] != 1 ? Axes{0, 2, 3} : Axes{2, 3}; }
};

Tensor sum_over(Tape& tape, const Tensor& x, const Axes& axes, std::string_view who) {
  const ReduceLoops loops(x.shape(), axes, who);
  Tensor total = tape.empty(loops.kept_shape(), x.dtype());
  reduce<Sum>(loops, tape.threads(), identity, total, x);
  return total;
}

struct Stats {
  Tensor mean, var;
};

Stats stats_of(Tape& tape, const Tensor& x, const View& view, std::string_view who) {
  const ReduceLoops loops(view.full, view.stat_axes(), who);
  const double n = static_cast<double>(view.count);
  Stats s{tape.empty(view.stats, x.dtype()), tape.empty(view.stats, x.dtype())};
  const auto divide = [n](auto a) { return a / n; };
  reduce<Sum>(loops, tape.threads(), identity, s.mean, x);
  apply(tape.threads(), {s.mean}, divide, s.mean);
  const auto squared = [](auto a, auto, auto center) { return square(a - center); };
  reduce<Sum>(loops, tape.threads(), squared, s.var, x, {}, s.mean);
  apply(tape.threads(), {s.var}, divide, s.var);
  return s;
}

// What the gradients are made of, per sample and channel [B, G, K, 1]: sum dy and sum dy (x - mean).
struct Moments {
  Tensor sum, product;
};

Moments moments_of(Tape& tape, const Tensor& x, const Tensor& dy, const Tensor& mean, const View& view,
                   std::string_view who) {
  const ReduceLoops loops(view.full, 3, who);
  const Shape& shape = loops.kept_shape();
  Tensor center = tape.empty(shape, x.dtype());
  apply(tape.threads(), {center}, identity, mean);
  Moments m{tape.empty(shape, x.dtype()), tape.empty(shape, x.dtype())};
  reduce<Sum>(loops, tape.threads(), identity, m.sum, dy);
  const auto product = [](auto a, auto g, auto c) { return (a - c) * g; };
  reduce<Sum>(loops, tape.threads(), product, m.product, x, dy, center);
  return m;
}

// The norm with given statistics; `constant` if they do not depend on x.
Var normalize(const Op& op, const Var& x, const Stats& stats, const Var& gamma, const Var& beta, double eps,
              const View& view, bool constant) {
  Tape& tape = x.tape();
  const Tensor value = x.value().reshaped(view.full), gain = gamma.value().reshaped(view.feature);
  Tensor y = tape.empty(view.full, x.dtype()), scale = tape.empty(view.stats, x.dtype());
  apply(
      tape.threads(), {scale}, [eps](auto v) { return rsqrt(v + eps); }, stats.var);
  const auto forward = [](auto a, auto m, auto r, auto g, auto b) { return (a - m) * r * g + b; };
  apply(tape.threads(), {y}, forward, value, stats.mean, scale, gain, beta.value().reshaped(view.feature));

  const auto backward = [value, mean = stats.mean, scale, gain, view, constant, who = op.name](const Tensor& up,
                                                                                               Gradients& dx) {
    Tape& own = dx.tape();
    const int threads = own.threads();
    const Tensor dy = up.reshaped(view.full);
    const Moments m = moments_of(own, value, dy, mean, view, who);
    Tensor part = dx.empty(m.sum.shape(), dy.dtype());
    const auto times = [](auto a, auto b) { return a * b; };
    const Shape channels{view.full[1] * view.full[2]};
    if (dx.wanted(1)) {
      apply(threads, {part}, times, m.product, scale);
      dx.add(1, sum_over(own, part, 0, who).reshaped(channels));
    }
    if (dx.wanted(2)) dx.add(2, sum_over(own, m.sum, 0, who).reshaped(channels));
    if (!dx.wanted(0)) return;
    Into to = dx.into(0);
    to.grad = to.grad.reshaped(view.full);
    if (constant)
      return apply(
          threads, to, [](auto g, auto r, auto a) { return g * r * a; }, dy, scale, gain);
    apply(threads, {part}, times, m.sum, gain);
    const Tensor sum = sum_over(own, part, view.stat_axes(), who);
    apply(threads, {part}, times, m.product, gain);
    const Tensor product = sum_over(own, part, view.stat_axes(), who);
    const double n = static_cast<double>(view.count);
    const auto slope = [n](auto g, auto a, auto c, auto r, auto k, auto s, auto p) {
      return r * (g * k - s / n - (a - c) * r * (r * p / n));
    };
    apply(threads, to, slope, dy, value, mean, scale, gain, sum, product);
  };
  return Tape::record(op, {x, gamma, beta}, y.reshaped(x.shape()), backward);
}

void check(const Op& op, const Var& x, double eps) {
  require_floating(x.value(), "x", op.name);
  require(x.rank() >= 2, op.name, "x has shape {}; [batch, channels, ...] was wanted", x.shape());
  require_eps(eps, op.name);
}

std::vector<Example> group_examples() {
  const auto in = [](Index groups) {
    return [groups](std::span<const Var> x) { return group_norm(x[0], groups, x[1], x[2]); };
  };
  return {{"two groups", {{{2, 4, 5}, -2, 2}, {{4}, 0.5, 2}, {{4}}}, in(2), "F.group_norm(a, 2, b, c)"},
          {"one group", {{{2, 3, 2, 3}, -2, 2}, {{3}, 0.5, 2}, {{3}}}, in(1), "F.group_norm(a, 1, b, c)"},
          {"a group each", {{{1, 2, 19}, -2, 2}, {{2}, 0.5, 2}, {{2}}}, in(2), "F.group_norm(a, 2, b, c)"},
          {"no space", {{{3, 18}, -2, 2}, {{18}, 0.5, 2}, {{18}}}, in(3), "F.group_norm(a, 3, b, c)"},
          {"plain",
           {{{2, 6, 3}, -2, 2}},
           [](std::span<const Var> x) { return group_norm(x[0], 3, {}, {}, 1e-3); },
           "F.group_norm(a, 3, eps=1e-3)"}};
}

std::vector<Example> batch_examples() {
  const auto call = [](std::span<const Var> x) { return batch_norm(x[0], x[1], x[2]).y; };
  const char* torch = "F.batch_norm(a, None, None, b, c, True)";
  return {
      {"rows", {{{3, 19}, -2, 2}, {{19}, 0.5, 2}, {{19}}}, call, torch},
      {"space", {{{2, 3, 5}, -2, 2}, {{3}, 0.5, 2}, {{3}}}, call, torch},
      {"one sample", {{{1, 3, 2, 5}, -2, 2}, {{3}, 0.5, 2}, {{3}}}, call, torch},
      {"given statistics",
       {{{2, 3, 5}, -2, 2}, {{3}, 0.5, 2}, {{3}}},
       [](std::span<const Var> x) {
         const auto& pool = x[0].tape().pool();
         Tensor mean = Tensor::full({3}, x[0].dtype(), 0.25, pool), var = Tensor::full({3}, x[0].dtype(), 1.5, pool);
         return batch_norm_inference(x[0], mean, var, x[1], x[2]);
       },
       "F.batch_norm(a, torch.full((3,), 0.25, dtype=a.dtype), torch.full((3,), 1.5, dtype=a.dtype), b, c, False)"}};
}

}  // namespace

const Op group_norm_op{"group_norm", group_examples};
const Op batch_norm_op{"batch_norm", batch_examples};

Var group_norm(const Var& x, Index groups, const Var& gamma, const Var& beta, double eps) {
  check(group_norm_op, x, eps);
  require(groups >= 1 && x.dim(1) % groups == 0, group_norm_op.name,
          "{} groups do not divide the {} channels of x {}; choose a divisor", groups, x.dim(1), x.shape());
  const Var g = optional_feature(gamma, "gamma", 1, x, x.dim(1), group_norm_op.name);
  const Var b = optional_feature(beta, "beta", 0, x, x.dim(1), group_norm_op.name);
  const View view(x.shape(), groups, false);
  const Stats stats = stats_of(x.tape(), x.value().reshaped(view.full), view, group_norm_op.name);
  return normalize(group_norm_op, x, stats, g, b, eps, view, false);
}

BatchNorm batch_norm(const Var& x, const Var& gamma, const Var& beta, double eps) {
  check(batch_norm_op, x, eps);
  const Index channels = x.dim(1);
  const Var g = optional_feature(gamma, "gamma", 1, x, channels, batch_norm_op.name);
  const Var b = optional_feature(beta, "beta", 0, x, channels, batch_norm_op.name);
  const View view(x.shape(), channels, true);
  const Stats stats = stats_of(x.tape(), x.value().reshaped(view.full), view, batch_norm_op.name);
  return {normalize(batch_norm_op, x, stats, g, b, eps, view, false), stats.mean.reshaped({channels}),
          stats.var.reshaped({channels})};
}

Var batch_norm_inference(const Var& x, const Tensor& mean, const Tensor& var, const Var& gamma, const Var& beta,
                         double eps) {
  check(batch_norm_op, x, eps);
  const Index channels = x.dim(1);
  for (const Tensor* given : {&mean, &var})
    require(given->shape() == Shape{channels} && given->dtype() == x.dtype(), batch_norm_op.name,
            "{} is {}, but x is {}; {} [{}] was wanted", given == &mean ? "mean" : "var", *given, x.value(), x.dtype(),
            channels);
  const Var g = optional_feature(gamma, "gamma", 1, x, channels, batch_norm_op.name);
  const Var b = optional_feature(beta, "beta", 0, x, channels, batch_norm_op.name);
  const View view(x.shape(), channels, true);
  const Stats stats{mean.reshaped(view.stats), var.reshaped(view.stats)};
  return normalize(batch_norm_op, x, stats, g, b, eps, view, true);
}

}  // namespace tempera
