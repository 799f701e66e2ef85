#include "core/ops/entmax_loss.h"

#include <algorithm>
#include <cmath>

#include "core/entmax_row.h"
#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kGrain = 16;  // rows of one panel
// Of a row: l, whether the largest logit is a target, classes with p > 0, divergence of p and q.
constexpr Index kFigures = 4;

// The targets of a batch, row by row.
class Rows {
 public:
  Rows(const Tensor& targets, const Tensor& weights, double normaliser, Index classes, std::int32_t ignore)
      : targets_(targets),
        weights_(weights),
        classes_(classes),
        rows_(indices() ? targets.size() : targets.size() / std::max<Index>(1, classes)),
        per_weight_(weights.defined() ? std::max<Index>(1, rows_ / std::max<Index>(1, weights.size())) : 1),
        ignore_(ignore),
        share_(normaliser == 0 ? 0 : 1 / normaliser) {}

  Index rows() const { return rows_; }
  bool indices() const { return targets_.dtype() == DType::int32; }
  double weight(Index row) const { return weights_.defined() ? weights_.at(row / per_weight_) : 1; }
  // u / normaliser.
  double share(Index row) const { return share_ * weight(row); }
  double at(Index row, Index c) const {
    if (indices()) return targets_.data<std::int32_t>()[row] == c ? 1 : 0;
    return targets_.at(row * classes_ + c);
  }
  double total(Index row) const {
    if (indices()) return targets_.data<std::int32_t>()[row] == ignore_ ? 0 : 1;
    double sum = 0;
    for (Index c = 0; c < classes_; ++c) sum += at(row, c);
    return sum;
  }
  bool plays(Index row) const { return weight(row) != 0 && total(row) > 0; }

  void check(std::string_view who, const Shape& logits, DType dtype) const {
    const Shape leading = logits.without(logits.rank() - 1);
    require(targets_.shape() == (indices() ? leading : logits), who,
            "the targets are {}, but the logits {}: int32 {} of class indices was wanted, or floats of their shape",
            targets_, logits, leading);
    for (Index i = 0; i < targets_.size(); ++i) {
      const double t = targets_.at(i);
      require(indices() || t >= 0, who, "target {} is {}; a share of at least 0 was wanted", i, t);
      require(!indices() || t == ignore_ || (t >= 0 && t < static_cast<double>(classes_)), who,
              "target {} is {}; a class in [0, {}), or {} to leave it out was wanted", i, t, classes_, ignore_);
    }
    if (!weights_.defined()) return;
    bool prefix = weights_.rank() <= leading.rank();
    for (int axis = 0; prefix && axis < weights_.rank(); ++axis) prefix = weights_.dim(axis) == leading[axis];
    require(
        prefix && weights_.dtype() == dtype, who,
        "the weights are {}, but the targets of the {} logits have shape {}: that type, and that shape or its first "
        "axes, were wanted",
        weights_, dtype, leading);
  }

 private:
  Tensor targets_, weights_;
  Index classes_, rows_, per_weight_;
  std::int32_t ignore_;
  double share_;
};

// What a weight takes from the entropy H, but for the constant of alpha > 1.
double concentration(double x, double alpha) {
  if (x <= 0) return 0;
  return alpha == 1 ? x * std::log(x) : std::pow(x, alpha) / (alpha * (alpha - 1));
}

// Half of what an entry of p adds to KL(p, (p + q) / 2).
double diverging(double p, double q) {
  return p > 0 ? p * std::log(2 * p / (p + q)) / 2 : 0;
}

template <class T>
void softmax_weights(const T* z, Index n, T* p) {
  const T top = *std::max_element(z, z + n);
  T sum = 0;
  for (Index c = 0; c < n; ++c) sum += p[c] = std::exp(z[c] - top);
  for (Index c = 0; c < n; ++c) p[c] /= sum;
}

template <class T>
void loss_weights(const T* z, Index n, double alpha, T* p) {
  if (alpha == 1) return softmax_weights(z, n, p);
  const T factor = static_cast<T>(alpha - 1);
  detail::entmax_weights(z, n, factor, detail::solve_entmax(z, n, factor), p);
}

// Figures of a row; p [C] are its weights.
template <class T>
std::array<double, kFigures> figures(const Rows& rows, Index row, const T* z, const T* p, Index classes, double alpha) {
  const double total = rows.total(row);
  const T top = detail::row_maximum(z, classes);
  double inner = 0, own = 0, wanted = 0, support = 0, divergence = 0;
  for (Index c = 0; c < classes; ++c) {
    const double pc = static_cast<double>(p[c]), q = rows.at(row, c) / total;
    if (pc != q) inner += (pc - q) * (static_cast<double>(z[c]) - static_cast<double>(top));
    own += concentration(pc, alpha);
    wanted += concentration(q, alpha);
    support += pc > 0;
    divergence += diverging(pc, q) + diverging(q, pc);
  }
  const Index answer = std::find(z, z + classes, top) - z;
  const double hit = answer < classes && rows.at(row, answer) > 0 ? 1 : 0;
  return {std::max(0., inner + wanted - own), hit, support, divergence};
}

double reduce(const Rows& rows, const Tensor& targets, const double* found, EntmaxSums* sums) {
  EntmaxSums here;
  double loss = 0;
  const Index length = rows.indices() && targets.rank() >= 2 ? targets.shape().back() : 1;
  Index played = 0, correct = 0;  // of a sequence
  for (Index row = 0; row < rows.rows(); ++row) {
    if (row % length == 0) played = correct = 0;
    const double* f = found + row * kFigures;
    if (rows.plays(row)) {
      const double u = rows.weight(row);
      ++played;
      correct += f[1] > 0;
      here.targets += 1;
      here.weight += u;
      here.loss += u * f[0];
      here.correct += f[1];
      here.support += f[2];
      here.divergence += f[3];
      loss += rows.share(row) * f[0];
    }
    if (row % length == length - 1 && played > 0) here.sequences += 1, here.exact += played == correct;
  }
  if (sums) {
    sums->targets += here.targets;
    sums->weight += here.weight;
    sums->loss += here.loss;
    sums->correct += here.correct;
    sums->support += here.support;
    sums->divergence += here.divergence;
    sums->sequences += here.sequences;
    sums->exact += here.exact;
  }
  return loss;
}

std::vector<Example> examples() {
  const auto classes = [](Shape shape, double count) { return Input{shape, 0, count, Draw::index}; };
  const auto of = [](double alpha) {
    return [alpha](std::span<const Var> x) { return entmax_loss(x[0], x[1].value(), {}, 2, alpha); };
  };
  const auto shares = [](double alpha) {
    return [alpha](std::span<const Var> x) {
      const auto& pool = x[0].tape().pool();
      const DType dtype = x[0].dtype();
      return entmax_loss(x[0], x[1].value().to(dtype, pool), x[2].value().to(dtype, pool), 3, alpha);
    };
  };
  return {{"sparsemax", {{{5, 4}, -2, 2, Draw::distinct}, classes({5}, 4)}, of(2)},
          {"1.5", {{{5, 4}, -2, 2, Draw::distinct}, classes({5}, 4)}, of(1.5)},
          {"1.25, many classes", {{{2, 19}, -2, 2}, classes({2}, 19)}, of(1.25)},
          {"two leading axes", {{{2, 3, 4}}, classes({2, 3}, 4)}, of(1.5)},
          {"one class", {{{3, 1}}, classes({3}, 1)}, of(2)},
          {"softmax", {{{3, 19}, -2, 2}, classes({3}, 19)}, of(1)},
          {"shares of the softmax", {{{3, 4}}, {{3, 4}, 0, 3, Draw::index}, {{3}, 1, 3, Draw::index}}, shares(1)},
          {"shares and weights", {{{4, 5}, -2, 2}, {{4, 5}, 0, 3, Draw::index}, {{4}, 0, 3, Draw::index}}, shares(1.5)},
          {"labels of sparsemax",
           {{{4, 5}, -1, 1, Draw::distinct}, {{4, 5}, 0, 2, Draw::index}, {{4}, 1, 3, Draw::index}},
           shares(2)}};
}

}  // namespace

const Op entmax_loss_op{"entmax_loss", examples};

Var entmax_loss(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser, double alpha,
                std::int32_t ignore_index, EntmaxSums* sums) {
  const std::string_view who = entmax_loss_op.name;
  require(logits.rank() >= 1 && logits.shape().back() >= 1, who, "logits of shape {} came; [.., classes] was wanted",
          logits.shape());
  require(alpha >= 1 && std::isfinite(alpha), who, "alpha is {}; a number of at least 1 was wanted", alpha);
  require(normaliser >= 0 && std::isfinite(normaliser), who,
          "the normaliser is {}; a finite number of at least 0 was wanted, such as the number of targets", normaliser);
  const Index n = logits.shape().back();
  const Rows rows(targets, weights, normaliser, n, ignore_index);
  rows.check(who, logits.shape(), logits.dtype());
  Tape& tape = logits.tape();
  Tensor y = tape.empty({}, logits.dtype()), p = tape.empty(logits.shape(), logits.dtype());
  Tensor found = tape.empty({rows.rows(), kFigures}, DType::float64);
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    parallel_panels(tape.threads(), rows.rows(), kGrain, [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        if (!rows.plays(row)) continue;
        const T* z = logits.value().data<T>() + row * n;
        T* own = p.data<T>() + row * n;
        loss_weights(z, n, alpha, own);
        const auto f = figures(rows, row, z, own, n, alpha);
        std::copy(f.begin(), f.end(), found.data<double>() + row * kFigures);
      }
    });
    *y.data<T>() = static_cast<T>(reduce(rows, targets, found.data<double>(), sums));
  });
  return Tape::record(entmax_loss_op, {logits}, std::move(y), [rows, p, n](const Tensor& dy, Gradients& dx) {
    Into to = dx.into(0);
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      const double upstream = static_cast<double>(*dy.data<T>());
      parallel_panels(dx.tape().threads(), rows.rows(), kGrain, [&](Index first, Index last) {
        for (Index row = first; row < last; ++row) {
          T* out = to.grad.data<T>() + row * n;
          const double scale = rows.plays(row) ? upstream * rows.share(row) : 0;
          if (scale == 0) {
            if (!to.add) std::fill_n(out, n, T(0));
            continue;
          }
          const double total = rows.total(row);
          for (Index c = 0; c < n; ++c) {
            const double g = static_cast<double>(p.data<T>()[row * n + c]) - rows.at(row, c) / total;
            out[c] = (to.add ? out[c] : T(0)) + static_cast<T>(scale * g);
          }
        }
      });
    });
  });
}

double entmax_weight(const Tensor& targets, const Tensor& weights, Index classes, std::int32_t ignore_index) {
  const Rows rows(targets, weights, 1, classes, ignore_index);
  double sum = 0;
  for (Index row = 0; row < rows.rows(); ++row)
    if (rows.plays(row)) sum += rows.weight(row);
  return sum;
}

}  // namespace tempera
