#include "core/ops/linear_cross_entropy.h"

#include "core/kernels/product.h"
#include "core/ops/column_sums.h"
#include "core/ops/cross_entropy_rows.h"
#include "core/ops/linear.h"

namespace tempera {
namespace {

constexpr Index kChunkBytes = 256 * 1024, kLeastRows = 256;
// Classes whose gradient is made and used at a time, where there are many: the logits of a chunk do not stay in a
// cache, and of what is read from afar nothing is written back. A multiple of gemm's inner blocks, so the bits are
// those of all classes at once.
constexpr Index kClasses = 256, kManyClasses = 1024;

// The gradients for dloss = 1; undefined where none is wanted.
struct Ready {
  Tensor x, w, b;
  bool any() const { return x.defined() || w.defined() || b.defined(); }
};

template <class T>
double run(const Var& x, const Var& w, const Var& b, const detail::CrossEntropyRows<T>& each, const LinearSizes& sizes,
           Index chunk, Ready& ready, CrossEntropySums* sums) {
  using kernels::Transpose;
  const Index rows = sizes.rows, in = sizes.in, out = sizes.out;
  Tape& tape = x.tape();
  const kernels::Team team{tape.threads(), tape.pool(), tape.matrix_units()};
  Tensor logits = tape.empty({chunk, out}, x.dtype());
  Tensor figures = tape.empty({rows, each.kFigures}, DType::float64);
  const T *px = x.value().data<T>(), *pw = w.value().data<T>(), *pb = b.defined() ? b.value().data<T>() : nullptr;
  T* z = logits.data<T>();
  double* found = figures.data<double>();
  const Index classes = out < kManyClasses ? out : kClasses;
  Tensor part = ready.any() && classes < out ? tape.empty({chunk, classes}, x.dtype()) : Tensor();
  T* const g = part.defined() ? part.data<T>() : z;
  using Slope = typename detail::CrossEntropyRows<T>::Slope;
  const Storage slopes = Pool::allocate(tape.pool(), static_cast<std::size_t>(chunk) * sizeof(Slope));
  auto* const slope = reinterpret_cast<Slope*>(slopes.data());
  const auto add_bias = [&](Index row, Index count, Index col, Index cols) {
    for (Index i = row; i < row + count; ++i)
      for (Index c = col; c < col + cols; ++c) z[i * out + c] += pb[c];
  };
  if (rows == 0)
    for (Tensor gradient : {ready.w, ready.b})
      if (gradient.defined()) gradient.fill(0);
  for (Index first = 0; first < rows; first += chunk) {
    const Index count = std::min(chunk, rows - first);
    kernels::product<T>(team, count, out, in, 1, {px + first * in, in}, {pw, in, Transpose::yes}, 0, z, out,
                        pb ? kernels::Epilogue(add_bias) : kernels::Epilogue());
    parallel_panels(tape.threads(), count, 8, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index row = first + i;
        const T* const logit = z + i * out;
        slope[i] = {};
        if (!each.plays(row)) continue;
        const detail::RowStats<T> s = detail::row_stats(logit, out);
        const auto f = each.figures(logit, row, s);
        std::copy(f.begin(), f.end(), found + row * each.kFigures);
        slope[i] = each.slope(row, s, 1);
      }
    });
    for (Index from = 0; ready.any() && from < out; from += classes) {
      const Index width = std::min(classes, out - from);
      parallel_panels(tape.threads(), count, 8, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          for (Index c = 0; part.defined() && c < width; c += 64 / static_cast<Index>(sizeof(T)))
            __builtin_prefetch(z + (i + 2) * out + from + c);
          each.gradient(slope[i], z + i * out + from, g + i * classes, from, width, false);
        }
      });
      if (ready.x.defined())
        kernels::product<T>(team, count, in, width, 1, {g, classes}, {pw + from * in, in}, from == 0 ? 0 : 1,
                            ready.x.data<T>() + first * in, in);
      if (ready.w.defined())
        kernels::product<T>(team, width, in, count, 1, {g, classes, Transpose::yes}, {px + first * in, in},
                            first == 0 ? 0 : 1, ready.w.data<T>() + from * in, in);
      if (ready.b.defined())
        detail::column_sums<T>(team.threads, g, nullptr, ready.b.data<T>() + from, first != 0, count, classes, width);
    }
  }
  return each.reduce(found, sums);
}

std::vector<Example> examples() {
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  const auto as_weights = [](const Var& index, const Var& like) {
    return index.value().to(like.dtype(), like.tape().pool());
  };
  return {
      {"bias",
       {{{7, 3}}, {{5, 3}}, {{5}}, classes({7}, 5)},
       [](std::span<const Var> x) { return linear_cross_entropy(x[0], x[1], x[2], x[3].value(), {}, 7, {}); },
       "F.cross_entropy(F.linear(a, b, c), d)"},
      {"no bias, chunks of 2",
       {{{5, 3}}, {{17, 3}}, classes({5}, 17)},
       [](std::span<const Var> x) { return linear_cross_entropy(x[0], x[1], {}, x[2].value(), {}, 5, {}, nullptr, 2); },
       "F.cross_entropy(F.linear(a, b), c)"},
      {"all terms, two leading axes, chunks of 3",
       {{{2, 4, 3}}, {{5, 3}}, {{5}}, classes({2, 4}, 5), {{2, 4}, 0, 3, Draw::index}, {{5}, 1, 4, Draw::index}},
       [as_weights](std::span<const Var> x) {
         return linear_cross_entropy(x[0], x[1], x[2], x[3].value(), as_weights(x[4], x[0]), 3,
                                     {0.25, 0.125, 0, as_weights(x[5], x[0])}, nullptr, 3);
       },
       "((F.cross_entropy(F.linear(a, b, c).reshape(-1, 5), d.reshape(-1), weight=f.to(a.dtype), ignore_index=0,"
       " reduction='none', label_smoothing=0.25) + 0.125 * (d.reshape(-1) > 0) * f[d.reshape(-1)]"
       " * torch.logsumexp(F.linear(a, b, c).reshape(-1, 5), -1) ** 2) * e.reshape(-1)).sum() / 3"},
      {"a weight for each sample",
       {{{2, 3, 4}}, {{3, 4}}, classes({2, 3}, 3), {{2}, 1, 4, Draw::index}},
       [as_weights](std::span<const Var> x) {
         return linear_cross_entropy(x[0], x[1], {}, x[2].value(), as_weights(x[3], x[0]), 6, {});
       },
       "(F.cross_entropy(F.linear(a, b).reshape(-1, 3), c.reshape(-1), reduction='none').reshape(2, 3)"
       " * d[:, None]).sum() / 6"},
  };
}

}  // namespace

const Op linear_cross_entropy_op{"linear_cross_entropy", examples, 1e-8, [](Inputs inputs, const Tensor&) {
                                   return 2.0 * static_cast<double>(inputs[0].size() * inputs[1].dim(0));
                                 }};

Var linear_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& targets, const Tensor& weights,
                         double normaliser, const CrossEntropyTerms& terms, CrossEntropySums* sums, Index chunk_rows) {
  const std::string_view who = linear_cross_entropy_op.name;
  const LinearSizes sizes = linear_sizes(who, x, w, b);
  detail::check_cross_entropy(who, x.shape().with(x.rank() - 1, sizes.out), x.dtype(), targets, weights, normaliser,
                              terms);
  require(chunk_rows >= 0, who, "chunks of {} rows came; at least 0 was wanted, 0 for a choice by size", chunk_rows);
  Tape& tape = x.tape();
  const Index row_bytes = std::max<Index>(1, sizes.out * static_cast<Index>(byte_size(x.dtype())));
  const Index wanted = chunk_rows > 0 ? chunk_rows : std::max(kLeastRows, kChunkBytes / row_bytes);
  const Index chunk = std::min(wanted, std::max<Index>(1, sizes.rows));
  Ready ready;
  if (tape.recording()) {
    if (x.requires_grad()) ready.x = tape.empty(x.shape(), x.dtype());
    if (w.requires_grad()) ready.w = tape.empty(w.shape(), w.dtype());
    if (b.defined() && b.requires_grad()) ready.b = tape.empty(b.shape(), b.dtype());
  }
  Tensor y = tape.empty({}, x.dtype());
  dispatch(x.dtype(), [&]<class T>(Type<T>) {
    const detail::CrossEntropyRows<T> each(targets, weights, normaliser, terms, sizes.out);
    *y.data<T>() = static_cast<T>(run<T>(x, w, b, each, sizes, chunk, ready, sums));
  });
  // Played once, so the gradients may be scaled where they lie.
  const auto play = [ready](const Tensor& dy, Gradients& dx) {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const T upstream = *dy.data<T>();
      int input = 0;
      for (Tensor gradient : {ready.x, ready.w, ready.b}) {
        if (gradient.defined()) {
          if (upstream != 1) gradient.vec<T>() *= upstream;
          dx.add(input, std::move(gradient));
        }
        ++input;
      }
    });
  };
  return b.defined() ? Tape::record(linear_cross_entropy_op, {x, w, b}, std::move(y), play)
                     : Tape::record(linear_cross_entropy_op, {x, w}, std::move(y), play);
}

}  // namespace tempera
