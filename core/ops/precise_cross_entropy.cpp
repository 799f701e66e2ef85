#include "core/ops/precise_cross_entropy.h"

#include <Eigen/Core>
#include <cmath>

#include "core/ops/cross_entropy_rows.h"

namespace tempera {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Index kGrain = 8;  // rows of one panel

// The losses: l and S of a row of logits z [n] with the target t; put(i, dl/dz_i) for every i.
struct RowLoss {
  double loss, total;
};

template <class A>
struct SoftmaxIn {
  template <class T, class Put>
  static RowLoss row(const T* z, Index n, Index t, Put&& put) {
    const auto rounded = [z](Index i) { return static_cast<A>(z[i]); };
    A top = rounded(0);
    for (Index i = 1; i < n; ++i) top = std::max(top, rounded(i));
    const auto e = [&](Index i) { return static_cast<A>(std::exp(static_cast<double>(rounded(i) - top))); };
    A total(0);
    if (static_cast<double>(top) > -kInfinity)  // -inf - -inf is NaN
      for (Index i = 0; i < n; ++i) total = total + e(i);
    if (total == A(0)) {
      for (Index i = 0; i < n; ++i) put(i, 0.);
      return {kInfinity, 0};
    }
    for (Index i = 0; i < n; ++i) {
      const A p = e(i) / total;
      put(i, static_cast<double>(i == t ? p - A(1) : p));
    }
    const A loss = static_cast<A>(std::log(static_cast<double>(total))) - (rounded(t) - top);
    return {static_cast<double>(loss), static_cast<double>(total)};
  }
};

struct StableMax {
  static double s(double x) { return x >= 0 ? x + 1 : 1 / (1 - x); }
  static double slope(double x) { return x >= 0 ? 1 : s(x) * s(x); }

  template <class T, class Put>
  static RowLoss row(const T* z, Index n, Index t, Put&& put) {
    double total = 0;
    for (Index i = 0; i < n; ++i) total += s(static_cast<double>(z[i]));
    const double x = static_cast<double>(z[t]), own = s(x);
    const double pull = x >= 0 ? 1 / own : own;  // s'(x) / s(x)
    for (Index i = 0; i < n; ++i)
      put(i, total == 0 ? 0 : slope(static_cast<double>(z[i])) / total - (i == t ? pull : 0));
    return {own == 0 ? kInfinity : std::log(total) - std::log(own), total};
  }
};

template <class Loss, class T>
double run(const Var& logits, const detail::CrossEntropyRows<T>& each, double normaliser, Tensor& gradient,
           PreciseSums* sums) {
  const Tensor& x = logits.value();
  const Index classes = x.shape().back(), rows = x.matrix_rows();
  Tape& tape = logits.tape();
  Tensor figures = tape.empty({rows, each.kFigures}, DType::float64), totals = tape.empty({rows}, DType::float64);
  parallel_panels(tape.threads(), rows, kGrain, [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      double* const found = figures.data<double>() + row * each.kFigures;
      T* const g = gradient.defined() ? gradient.data<T>() + row * classes : nullptr;
      if (!each.plays(row)) {
        std::fill_n(found, each.kFigures, 0.);
        if (g) std::fill_n(g, classes, T(0));
        continue;
      }
      const T* const z = std::as_const(x).data<T>() + row * classes;
      const double share = normaliser == 0 ? 0 : each.weight(row) / normaliser;
      const RowLoss r = Loss::row(z, classes, each.target(row), [&](Index i, double d) {
        if (g) g[i] = static_cast<T>(share * d);
      });
      const bool right = std::max_element(z, z + classes) - z == each.target(row);
      found[0] = each.weight(row) * r.loss;
      found[1] = r.loss;
      found[2] = right ? 1 : 0;
      totals.data<double>()[row] = r.total;
    }
  });
  for (Index row = 0; sums && row < rows; ++row) {
    if (!each.plays(row)) continue;
    sums->collapsed += totals.data<double>()[row] == 1;
    sums->zero += figures.data<double>()[row * each.kFigures + 1] == 0;
  }
  return each.reduce(figures.data<double>(), sums);
}

template <class Loss>
Var record(const Op& op, const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
           std::int32_t ignore_index, PreciseSums* sums) {
  const CrossEntropyTerms terms{.ignore_index = ignore_index};
  detail::check_cross_entropy(op.name, logits.shape(), logits.dtype(), targets, weights, normaliser, terms);
  Tape& tape = logits.tape();
  Tensor y = tape.empty({}, logits.dtype());
  Tensor gradient = tape.recording() && logits.requires_grad() ? tape.empty(logits.shape(), logits.dtype()) : Tensor();
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    const detail::CrossEntropyRows<T> each(targets, weights, normaliser, terms, logits.shape().back());
    *y.data<T>() = static_cast<T>(run<Loss, T>(logits, each, normaliser, gradient, sums));
  });
  // Played once, so the gradient may be scaled where it lies.
  return Tape::record(op, {logits}, std::move(y), [gradient](const Tensor& dy, Gradients& dx) mutable {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      if (const T upstream = *dy.data<T>(); upstream != 1) gradient.vec<T>() *= upstream;
    });
    dx.add(0, std::move(gradient));
  });
}

// Cases of `loss`; in PyTorch, `rows` is one loss for each row of a [.., C] with targets b.
template <class F>
std::vector<Example> examples_of(F loss, const std::string& rows) {
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  const auto as_weights = [](const Var& index, const Var& like) {
    return index.value().to(like.dtype(), like.tape().pool());
  };
  return {
      {"rows",
       {{{7, 5}, -3, 3}, classes({7}, 5)},
       [=](std::span<const Var> x) { return loss(x[0], x[1].value(), Tensor(), 7, -1); },
       "(" + rows + ").mean()"},
      {"far apart",
       {{{3, 19}, -30, 30}, classes({3}, 19)},
       [=](std::span<const Var> x) { return loss(x[0], x[1].value(), Tensor(), 3, -1); },
       "(" + rows + ").mean()"},
      {"weighted, a class ignored",
       {{{6, 4}, -3, 3}, classes({6}, 4), {{6}, 1, 4, Draw::index}},
       [=](std::span<const Var> x) { return loss(x[0], x[1].value(), as_weights(x[2], x[0]), 3, 2); },
       "((" + rows + ") * c * (b != 2)).sum() / 3"},
  };
}

std::vector<Example> precise_examples() {
  const auto loss = [](const Var& x, const Tensor& t, const Tensor& u, double normaliser, std::int32_t ignored) {
    return precise_cross_entropy(x, t, u, normaliser, Arithmetic::float64, ignored);
  };
  return examples_of(loss, "F.cross_entropy(a, b, reduction='none')");
}

std::vector<Example> stablemax_examples() {
  const auto loss = [](const Var& x, const Tensor& t, const Tensor& u, double normaliser, std::int32_t ignored) {
    return stablemax_cross_entropy(x, t, u, normaliser, ignored);
  };
  return examples_of(loss,
                     "(lambda s: s.sum(-1).log() - s.gather(-1, b.long()[:, None])[:, 0].log())"
                     "(torch.where(a >= 0, a + 1, 1 / (1 - a.clamp(max=0))))");
}

}  // namespace

const Op precise_cross_entropy_op{"precise_cross_entropy", precise_examples};
const Op stablemax_cross_entropy_op{"stablemax_cross_entropy", stablemax_examples};

Var precise_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                          Arithmetic arithmetic, std::int32_t ignore_index, PreciseSums* sums) {
  const auto in = [&]<class A>(A) {
    return record<SoftmaxIn<A>>(precise_cross_entropy_op, logits, targets, weights, normaliser, ignore_index, sums);
  };
  switch (arithmetic) {
    case Arithmetic::float16: return in(Eigen::half());
    case Arithmetic::float32: return in(float());
    default: return in(double());
  }
}

Var stablemax_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                            std::int32_t ignore_index, PreciseSums* sums) {
  return record<StableMax>(stablemax_cross_entropy_op, logits, targets, weights, normaliser, ignore_index, sums);
}

}  // namespace tempera
