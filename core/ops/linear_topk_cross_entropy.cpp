#include "core/ops/linear_topk_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/product.h"
#include "core/kernels/top_k.h"
#include "core/ops/cross_entropy_rows.h"
#include "core/ops/linear.h"

namespace tempera {
namespace {

constexpr Index kGrain = 8;     // rows of one panel
constexpr Index kColumns = 64;  // of X that a thread adds up in dW

// What is kept of a row: its classes, the chosen ones and the target, and their entries of u / normaliser g.
struct Kept {
  Tensor classes;  // int32 [rows, k + 1]; -1 where a row takes no part, and for a target that was chosen
  Tensor factors;  // [rows, k + 1]
};

template <class T>
std::array<double, 3> keep_row(const T* z, Index row, Index k, const detail::CrossEntropyRows<T>& each, double share,
                               std::int32_t* classes, T* factors) {
  const Index t = each.target(row);
  const double top = static_cast<double>(z[classes[0]]);
  double total = 0;
  for (Index i = 0; i < k; ++i) total += std::exp(static_cast<double>(z[classes[i]]) - top);
  classes[k] = static_cast<std::int32_t>(t);
  factors[k] = static_cast<T>(-share);
  for (Index i = 0; i < k; ++i) {
    double g = std::exp(static_cast<double>(z[classes[i]]) - top) / total;
    if (classes[i] == t) g -= 1, classes[k] = -1;
    factors[i] = static_cast<T>(share * g);
  }
  const double loss = std::log(total) + (top - static_cast<double>(z[t]));
  return {each.weight(row) * loss, loss, classes[0] == t ? 1. : 0.};
}

template <class T>
double run(const Var& x, const Var& w, const Var& b, const detail::CrossEntropyRows<T>& each, const LinearSizes& sizes,
           Index k, double normaliser, Kept& kept, CrossEntropySums* sums) {
  using kernels::Transpose;
  const Index rows = sizes.rows, in = sizes.in, out = sizes.out;
  Tape& tape = x.tape();
  Tensor logits = tape.empty({rows, out}, x.dtype()), figures = tape.empty({rows, each.kFigures}, DType::float64);
  T* const z = logits.data<T>();
  const T* const pb = b.defined() ? b.value().data<T>() : nullptr;
  kernels::product<T>({tape.threads(), tape.pool()}, rows, out, in, 1, {x.value().data<T>(), in},
                      {w.value().data<T>(), in, Transpose::yes}, 0, z, out);
  static_assert(sizeof(kernels::Ranked) == 2 * sizeof(double));
  Tensor lists = tape.empty({(rows + kGrain - 1) / kGrain, 2 * k}, DType::float64);
  parallel_panels(tape.threads(), rows, kGrain, [&](Index first, Index last) {
    auto* const best = reinterpret_cast<kernels::Ranked*>(lists.data<double>() + first / kGrain * 2 * k);
    for (Index row = first; row < last; ++row) {
      auto* const classes = kept.classes.data<std::int32_t>() + row * (k + 1);
      T* const factors = kept.factors.data<T>() + row * (k + 1);
      if (!each.plays(row)) {
        std::fill_n(classes, k + 1, -1);
        std::fill_n(factors, k + 1, T(0));
        continue;
      }
      T* const own = z + row * out;
      for (Index c = 0; pb && c < out; ++c) own[c] += pb[c];
      kernels::top_k(own, out, std::span(best, static_cast<std::size_t>(k)));
      for (Index i = 0; i < k; ++i) classes[i] = static_cast<std::int32_t>(best[i].index);
      const double share = normaliser == 0 ? 0 : each.weight(row) / normaliser;
      const auto f = keep_row(own, row, k, each, share, classes, factors);
      std::copy(f.begin(), f.end(), figures.data<double>() + row * each.kFigures);
    }
  });
  return each.reduce(figures.data<double>(), sums);
}

// f(row, class, factor) for the entries of G.
template <class T, class F>
void each_entry(const Kept& kept, Index first, Index last, F&& f) {
  const Index width = kept.classes.dim(1);
  for (Index row = first; row < last; ++row)
    for (Index i = row * width; i < (row + 1) * width; ++i)
      if (const std::int32_t c = kept.classes.data<std::int32_t>()[i]; c >= 0)
        f(row, Index{c}, kept.factors.data<T>()[i]);
}

template <class T>
void add_scaled(T factor, const T* from, T* to, Index count) {
  for (Index i = 0; i < count; ++i) to[i] += factor * from[i];
}

template <class T>
void play(const Kept& kept, const Tensor& x, const Tensor& w, bool bias, T upstream, Gradients& dx) {
  const Index rows = kept.classes.dim(0), in = w.dim(1);
  const int threads = dx.tape().threads();
  if (dx.wanted(0)) {
    Into to = dx.into(0);
    T* const out = to.grad.template data<T>();
    parallel_panels(threads, rows, kGrain, [&](Index first, Index last) {
      if (!to.add) std::fill(out + first * in, out + last * in, T(0));
      each_entry<T>(kept, first, last, [&](Index row, Index c, T g) {
        add_scaled(upstream * g, w.data<T>() + c * in, out + row * in, in);
      });
    });
  }
  if (dx.wanted(1)) {
    Into to = dx.into(1);
    if (!to.add) to.grad.fill(0);
    // A thread owns columns, so each sum stays in one hand and in the order of the rows.
    parallel_panels(threads, in, kColumns, [&](Index first, Index last) {
      each_entry<T>(kept, 0, rows, [&](Index row, Index c, T g) {
        add_scaled(upstream * g, x.data<T>() + row * in + first, to.grad.template data<T>() + c * in + first,
                   last - first);
      });
    });
  }
  if (bias && dx.wanted(2)) {
    Into to = dx.into(2);
    if (!to.add) to.grad.fill(0);
    each_entry<T>(kept, 0, rows, [&](Index, Index c, T g) { to.grad.template data<T>()[c] += upstream * g; });
  }
}

std::vector<Example> examples() {
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  const auto as_weights = [](const Var& index, const Var& like) {
    return index.value().to(like.dtype(), like.tape().pool());
  };
  const std::string kept = "(torch.logsumexp({0}.topk({1}, -1).values, -1) - {0}.gather(-1, {2}[:, None])[:, 0])";
  return {{"bias",
           {{{7, 3}}, {{5, 3}}, {{5}}, classes({7}, 5)},
           [](std::span<const Var> x) { return linear_topk_cross_entropy(x[0], x[1], x[2], x[3].value(), {}, 7, 2); },
           fmt::format(fmt::runtime(kept), "F.linear(a, b, c)", 2, "d.long()") + ".sum() / 7"},
          {"no bias, all classes",
           {{{5, 3}}, {{4, 3}}, classes({5}, 4)},
           [](std::span<const Var> x) { return linear_topk_cross_entropy(x[0], x[1], {}, x[2].value(), {}, 5, 9); },
           "F.cross_entropy(F.linear(a, b), c)"},
          {"one class is chosen",
           {{{6, 3}}, {{19, 3}}, classes({6}, 19)},
           [](std::span<const Var> x) { return linear_topk_cross_entropy(x[0], x[1], {}, x[2].value(), {}, 6, 1); },
           fmt::format(fmt::runtime(kept), "F.linear(a, b)", 1, "c.long()") + ".sum() / 6"},
          {"weights, an ignored class, two leading axes",
           {{{2, 4, 3}}, {{6, 3}}, {{6}}, classes({2, 4}, 6), {{2, 4}, 0, 3, Draw::index}},
           [as_weights](std::span<const Var> x) {
             return linear_topk_cross_entropy(x[0], x[1], x[2], x[3].value(), as_weights(x[4], x[0]), 3, 3, 1);
           }}};
}

}  // namespace

const Op linear_topk_cross_entropy_op{"linear_topk_cross_entropy", examples, 1e-8, [](Inputs inputs, const Tensor&) {
                                        return 2.0 * static_cast<double>(inputs[0].size() * inputs[1].dim(0));
                                      }};

Var linear_topk_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& targets, const Tensor& weights,
                              double normaliser, Index k, std::int32_t ignore_index, CrossEntropySums* sums) {
  const std::string_view who = linear_topk_cross_entropy_op.name;
  const LinearSizes sizes = linear_sizes(who, x, w, b);
  const CrossEntropyTerms terms{.ignore_index = ignore_index};
  detail::check_cross_entropy(who, x.shape().with(x.rank() - 1, sizes.out), x.dtype(), targets, weights, normaliser,
                              terms);
  require(k >= 1, who, "k is {}; at least 1 was wanted", k);
  k = std::min(k, sizes.out);
  Tape& tape = x.tape();
  Kept kept{tape.empty({sizes.rows, k + 1}, DType::int32), tape.empty({sizes.rows, k + 1}, x.dtype())};
  Tensor y = tape.empty({}, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const detail::CrossEntropyRows<T> each(targets, weights, normaliser, terms, sizes.out);
    *y.data<T>() = static_cast<T>(run<T>(x, w, b, each, sizes, k, normaliser, kept, sums));
  });
  const auto back = [kept, x = x.value(), w = w.value(), bias = b.defined()](const Tensor& dy, Gradients& dx) {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) { play<T>(kept, x, w, bias, *dy.data<T>(), dx); });
  };
  return b.defined() ? Tape::record(linear_topk_cross_entropy_op, {x, w, b}, std::move(y), back)
                     : Tape::record(linear_topk_cross_entropy_op, {x, w}, std::move(y), back);
}

}  // namespace tempera
