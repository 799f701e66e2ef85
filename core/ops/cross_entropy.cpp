#include "core/ops/cross_entropy.h"

#include "core/ops/cross_entropy_rows.h"

namespace tempera {
namespace detail {

void check_cross_entropy(std::string_view who, const Shape& logits, DType dtype, const Tensor& targets,
                         const Tensor& weights, double normaliser, const CrossEntropyTerms& terms) {
  require(logits.rank() >= 1, who, "the logits are a scalar; [.., C] was wanted");
  require(targets.dtype() == DType::int32, who, "the targets are {}; int32 class indices were wanted", targets.dtype());
  const Shape wanted = logits.without(logits.rank() - 1);
  require(targets.shape() == wanted, who, "the targets have shape {}, but the logits {}: {} was wanted",
          targets.shape(), logits, wanted);
  const Index classes = logits.back();
  const std::int32_t* target = targets.data<std::int32_t>();
  for (Index row = 0; row < targets.size(); ++row)
    require(target[row] == terms.ignore_index || (target[row] >= 0 && target[row] < classes), who,
            "the target of row {} is {}; there are {} classes, counted from 0, and {} is ignored", row, target[row],
            classes, terms.ignore_index);
  if (weights.defined()) {
    bool prefix = weights.rank() <= targets.rank();
    for (int axis = 0; prefix && axis < weights.rank(); ++axis) prefix = weights.dim(axis) == targets.dim(axis);
    require(prefix, who, "the weights have shape {}, but the targets {}: that shape or its first axes were wanted",
            weights.shape(), targets.shape());
    require(weights.dtype() == dtype, who, "the weights are {}, but the logits {}; convert one of them",
            weights.dtype(), dtype);
  }
  if (terms.class_weights.defined()) {
    require(terms.class_weights.shape() == Shape{classes}, who,
            "the class weights have shape {}; [{}], one for each class, was wanted", terms.class_weights.shape(),
            classes);
    require(terms.class_weights.dtype() == dtype, who,
            "the class weights are {}, but the logits {}; convert one of them", terms.class_weights.dtype(), dtype);
  }
  require(terms.smoothing >= 0 && terms.smoothing < 1, who, "the label smoothing is {}; a number in [0, 1) was wanted",
          terms.smoothing);
  require(terms.z_loss >= 0, who, "the factor of the z-loss is {}; at least 0 was wanted", terms.z_loss);
  require(normaliser >= 0 && std::isfinite(normaliser), who,
          "the normaliser is {}; a finite number of at least 0 was wanted, such as the number of targets", normaliser);
}

}  // namespace detail

namespace {

using detail::CrossEntropyRows;
using detail::RowStats;

std::vector<Example> examples() {
  const auto call = [](std::span<const Var> x) { return cross_entropy(x[0], x[1].value()); };
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  // Weights come as small integers: they have no gradient.
  const auto as_weights = [](const Var& index, const Var& like) {
    return index.value().to(like.dtype(), like.tape().pool());
  };
  const auto weighted = [as_weights](double smoothing, double z_loss, double normaliser) {
    return [=](std::span<const Var> x) {
      return cross_entropy(x[0], x[1].value(), as_weights(x[2], x[0]), normaliser,
                           {smoothing, z_loss, -1, as_weights(x[3], x[0])});
    };
  };
  return {
      {"rows", {{{7, 5}, -3, 3}, classes({7}, 5)}, call, "F.cross_entropy(a, b)"},
      {"many classes", {{{2, 19}, -3, 3}, classes({2}, 19)}, call, "F.cross_entropy(a, b)"},
      {"two leading axes", {{{2, 3, 4}}, classes({2, 3}, 4)}, call, "F.cross_entropy(a.reshape(-1, 4), b.reshape(-1))"},
      {"one row", {{{6}, -3, 3}, classes({}, 6)}, call, "F.cross_entropy(a, b)"},
      {"one class", {{{3, 1}}, classes({3}, 1)}, call, "F.cross_entropy(a, b)"},
      {"far apart", {{{3, 7}, -30, 30}, classes({3}, 7)}, call, "F.cross_entropy(a, b)"},
      {"an ignored class",
       {{{13, 3}}, classes({13}, 3)},
       [](std::span<const Var> x) { return cross_entropy(x[0], x[1].value(), 1); },
       "F.cross_entropy(a, b, ignore_index=1)"},
      {"weighted targets and classes",
       {{{7, 5}, -3, 3}, classes({7}, 5), classes({7}, 4), classes({5}, 3)},
       weighted(0, 0, 3),
       "(F.cross_entropy(a, b, weight=d.to(a.dtype), reduction='none') * c).sum() / 3"},
      {"smoothed",
       {{{2, 19}, -3, 3}, classes({2}, 19), {{2}, 1, 4, Draw::index}, {{19}, 1, 3, Draw::index}},
       weighted(0.25, 0, 2),
       "(F.cross_entropy(a, b, weight=d.to(a.dtype), reduction='none', label_smoothing=0.25) * c).sum() / 2"},
      {"z-loss",
       {{{3, 5}, -3, 3}, classes({3}, 5), {{3}, 1, 4, Draw::index}, {{5}, 1, 3, Draw::index}},
       weighted(0, 0.125, 4),
       "((F.cross_entropy(a, b, weight=d.to(a.dtype), reduction='none')"
       " + 0.125 * d[b] * torch.logsumexp(a, -1) ** 2) * c).sum() / 4"},
  };
}

}  // namespace

const Op cross_entropy_op{"cross_entropy", examples};

Var cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                  const CrossEntropyTerms& terms, CrossEntropySums* sums) {
  detail::check_cross_entropy(cross_entropy_op.name, logits.shape(), logits.dtype(), targets, weights, normaliser,
                              terms);
  const Index n = logits.shape().back(), rows = targets.size();
  Tape& tape = logits.tape();
  Tensor y = tape.empty({}, logits.dtype());
  Tensor stats = tape.empty({rows, 2}, logits.dtype());
  Tensor figures = tape.empty({rows, CrossEntropyRows<float>::kFigures}, DType::float64);
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    const CrossEntropyRows<T> each(targets, weights, normaliser, terms, n);
    const T* x = logits.value().data<T>();
    T* kept = stats.data<T>();
    double* out = figures.data<double>();
    parallel_panels(tape.threads(), rows, each.kGrain, [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        if (!each.plays(row)) continue;
        const RowStats<T> s = detail::row_stats(x + row * n, n);
        kept[2 * row] = s.top;
        kept[2 * row + 1] = s.total;
        const auto f = each.figures(x + row * n, row, s);
        std::copy(f.begin(), f.end(), out + row * each.kFigures);
      }
    });
    *y.data<T>() = static_cast<T>(each.reduce(out, sums));
  });
  const Tensor x = logits.value();
  return Tape::record(
      cross_entropy_op, {logits}, y, [x, targets, weights, stats, normaliser, terms](const Tensor& dy, Gradients& dx) {
        Into to = dx.into(0);
        const Index width = x.matrix_cols();
        dispatch(dy.dtype(), [&]<class T>(Type<T>) {
          const CrossEntropyRows<T> each(targets, weights, normaliser, terms, width);
          const T *in = x.data<T>(), *kept = stats.data<T>();
          T* out = to.grad.data<T>();
          const auto upstream = static_cast<double>(*dy.data<T>());
          parallel_panels(dx.tape().threads(), targets.size(), each.kGrain, [&](Index first, Index last) {
            for (Index row = first; row < last; ++row)
              each.gradient(each.slope(row, {kept[2 * row], kept[2 * row + 1]}, upstream), in + row * width,
                            out + row * width, 0, width, to.add);
          });
        });
      });
}

Var cross_entropy(const Var& logits, const Tensor& targets, std::int32_t ignore_index) {
  const CrossEntropyTerms terms{.ignore_index = ignore_index};
  detail::check_cross_entropy(cross_entropy_op.name, logits.shape(), logits.dtype(), targets, {}, 0, terms);
  const std::int32_t* target = targets.data<std::int32_t>();
  const auto ignored = std::count(target, target + targets.size(), ignore_index);
  return cross_entropy(logits, targets, {}, static_cast<double>(targets.size() - ignored), terms);
}

double cross_entropy_weight(const Tensor& targets, const Tensor& weights, const CrossEntropyTerms& terms,
                            Index classes) {
  const DType dtype = weights.defined()               ? weights.dtype()
                      : terms.class_weights.defined() ? terms.class_weights.dtype()
                                                      : DType::float32;
  detail::check_cross_entropy(cross_entropy_op.name, targets.shape().inserted(targets.rank(), classes), dtype, targets,
                              weights, 0, terms);
  return dispatch(
      dtype, [&]<class T>(Type<T>) { return CrossEntropyRows<T>(targets, weights, 1, terms, classes).total_weight(); });
}

}  // namespace tempera
