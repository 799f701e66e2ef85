// The rows of a softmax cross-entropy: loss and gradient of one target, shared by the operation on logits and by the
// one that is fused with the linear layer before it. See cross_entropy.h for the formulas.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/lanes.h"
#include "core/ops/cross_entropy.h"
#include "core/parallel.h"

namespace tempera::detail {

// Throws Error(who, ...) where targets, weights, terms and normaliser do not fit logits of shape [targets.., classes].
void check_cross_entropy(std::string_view who, const Shape& logits, DType dtype, const Tensor& targets,
                         const Tensor& weights, double normaliser, const CrossEntropyTerms& terms);

// What is kept of a row: its maximum and sum exp(x - maximum). The probabilities are made again from the logits
// where the gradient is written, which is cheaper than storing them.
template <class T>
struct RowStats {
  T top, total;
};

template <class T>
RowStats<T> row_stats(const T* x, Index n) {
  constexpr Index W = lane_width<T>;
  constexpr T kLow = -std::numeric_limits<T>::infinity();
  const Index whole = n / W * W, rest = n - whole;
  Lanes<T> tops = Lanes<T>::load(x + whole, rest, kLow), others(kLow);  // two chains, as one waits for each maximum
  Index at = 0;
  for (; at + 2 * W <= whole; at += 2 * W) {
    tops = max(tops, Lanes<T>::load(x + at));
    others = max(others, Lanes<T>::load(x + at + W));
  }
  if (at < whole) tops = max(tops, Lanes<T>::load(x + at));
  const T top = lane_max(max(tops, others));
  if (top == kLow) return {top, 0};  // -inf - -inf is NaN
  Lanes<T> total = exp(Lanes<T>::load(x + whole, rest, kLow) - top);
  for (Index i = 0; i < whole; i += W) total += exp(Lanes<T>::load(x + i) - top);
  return {top, lane_sum(total)};
}

// The targets of a batch with all that weighs them. Holds handles only.
template <class T>
class CrossEntropyRows {
 public:
  static constexpr Index kGrain = 64;   // rows of one panel
  static constexpr Index kFigures = 3;  // of a row: u l, L - x_t, whether the answer is right
  using Figures = std::array<double, kFigures>;

  CrossEntropyRows(const Tensor& targets, const Tensor& weights, double normaliser, const CrossEntropyTerms& terms,
                   Index classes)
      : targets_(targets),
        weights_(weights),
        class_weights_(terms.class_weights),
        classes_(classes),
        per_weight_(weights.defined() ? std::max<Index>(1, targets.size() / std::max<Index>(1, weights.size())) : 1),
        ignore_(terms.ignore_index),
        on_(normaliser == 0 ? 0 : 1),
        normaliser_(normaliser == 0 ? 1 : normaliser),
        sharp_(1 - terms.smoothing),
        spread_(terms.smoothing / static_cast<double>(std::max<Index>(1, classes))),
        z_(terms.z_loss) {
    const T* w = class_weights();
    for (Index c = 0; c < classes; ++c) all_ += w ? static_cast<double>(w[c]) : 1;
  }

  Index target(Index row) const { return targets_.data<std::int32_t>()[row]; }
  double weight(Index row) const {
    return weights_.defined() ? static_cast<double>(weights_.data<T>()[row / per_weight_]) : 1;
  }
  bool plays(Index row) const { return target(row) != ignore_ && weight(row) != 0; }
  double target_weight(Index row) const {
    return class_weights_.defined() ? static_cast<double>(class_weights_.data<T>()[target(row)]) : 1;
  }

  Figures figures(const T* x, Index row, RowStats<T> s) const {
    if (!plays(row)) return {};
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (s.total == 0) return {weight(row) * kInfinity, kInfinity, 0};
    const double rest = std::log(static_cast<double>(s.total)), top = static_cast<double>(s.top);
    const Index t = target(row);
    const double nll = rest + (top - static_cast<double>(x[t])), own = target_weight(row);
    double loss = own == 0 ? 0 : sharp_ * own * nll;
    if (spread_ > 0) loss += spread_ * (all_ * rest + distances(x, s.top));
    if (z_ > 0) loss += z_ * own * (rest + top) * (rest + top);
    const bool right = x[t] == s.top && std::find(x, x + t, s.top) == x + t;
    return {weight(row) * loss, nll, right ? 1.0 : 0.0};
  }

  // What the gradient of a row is made of.
  struct Slope {
    T top = 0, factor = 0, spread = 0, drop = 0;  // exp(x - top) factor - spread, and drop less at the target
    Index target = -1;                            // -1: all zeros
  };
  Slope slope(Index row, RowStats<T> s, double upstream) const {
    const double scale = plays(row) && s.total != 0 ? on_ * upstream * weight(row) / normaliser_ : 0;
    if (scale == 0) return {};
    const double own = target_weight(row), level = std::log(static_cast<double>(s.total)) + static_cast<double>(s.top);
    const double mass = sharp_ * own + spread_ * all_ + (z_ > 0 ? 2 * z_ * own * level : 0);
    return {s.top, static_cast<T>(scale * mass) / s.total, static_cast<T>(scale * spread_),
            static_cast<T>(scale * sharp_ * own), target(row)};
  }

  // dx (+)= upstream u / normaliser dl/dx for classes [first, first + count), where x and dx begin. dx may be x.
  void gradient(const Slope& slope, const T* x, T* dx, Index first, Index count, bool add) const {
    if (slope.target < 0) {
      if (!add) std::fill_n(dx, count, T(0));
      return;
    }
    if (spread_ > 0) write<true>(slope, x, dx, first, count, add);
    else write<false>(slope, x, dx, first, count, add);
    if (first <= slope.target && slope.target < first + count) dx[slope.target - first] -= slope.drop;
  }

  // Adds up the figures of rows [0, rows) in order; gives the loss.
  double reduce(const double* figures, CrossEntropySums* sums) const {
    CrossEntropySums here;
    const Index length = targets_.rank() < 2 ? 1 : targets_.shape().back();
    Index played = 0, correct = 0;  // of a sequence
    for (Index row = 0; row < targets_.size(); ++row) {
      if (row % length == 0) played = correct = 0;
      const double* f = figures + row * kFigures;
      if (plays(row)) ++played, correct += f[2] > 0;
      if (row % length == length - 1 && played > 0) here.sequences += 1, here.exact += played == correct;
      if (!plays(row)) continue;
      here.targets += 1;
      here.weight += weight(row) * target_weight(row);
      here.loss += f[0];
      here.nll += f[1];
      here.correct += f[2];
    }
    if (sums) {
      sums->targets += here.targets;
      sums->weight += here.weight;
      sums->loss += here.loss;
      sums->nll += here.nll;
      sums->correct += here.correct;
      sums->sequences += here.sequences;
      sums->exact += here.exact;
    }
    return on_ == 0 ? 0 : here.loss / normaliser_;
  }

  double total_weight() const {
    double total = 0;
    for (Index row = 0; row < targets_.size(); ++row)
      if (plays(row)) total += weight(row) * target_weight(row);
    return total;
  }

 private:
  static constexpr Index W = lane_width<T>;
  using L = Lanes<T>;

  const T* class_weights() const { return class_weights_.defined() ? class_weights_.data<T>() : nullptr; }

  // sum_c w_c (top - x_c); classes of weight 0 stay out even where their logit is -inf.
  double distances(const T* x, T top) const {
    const T* w = class_weights();
    L total(0);
    for (Index i = 0; i < classes_; i += W) {
      const Index count = std::min(W, classes_ - i);
      const L d = L(top) - L::load(x + i, count, top);
      total += w ? where(L::load(w + i, count) == L(0), L(0), L::load(w + i, count) * d) : d;
    }
    return static_cast<double>(lane_sum(total));
  }

  template <bool smooth>
  void write(const Slope& slope, const T* x, T* dx, Index first, Index classes, bool add) const {
    const T* w = class_weights_.defined() ? class_weights() + first : nullptr;
    const auto step = [&](Index i, Index count) {
      L g = exp(L::load(x + i, count) - slope.top) * slope.factor;
      if constexpr (smooth) g = g - (w ? L::load(w + i, count) * slope.spread : L(slope.spread));
      (add ? L::load(dx + i, count) + g : g).store(dx + i, count);
    };
    Index i = 0;
    for (; i + W <= classes; i += W) step(i, W);
    if (i < classes) step(i, classes - i);
  }

  Tensor targets_, weights_, class_weights_;
  Index classes_, per_weight_;
  std::int32_t ignore_;
  double on_, normaliser_, sharp_, spread_, z_, all_ = 0;
};

}  // namespace tempera::detail
