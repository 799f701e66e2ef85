#include "losses/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/ops/cross_entropy_rows.h"

namespace tempera {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// f(row of logits, classes, target) for the rows that take part.
template <class F>
void each_row(std::string_view who, const Tensor& logits, const Tensor& targets, std::int32_t ignore_index, F f) {
  const CrossEntropyTerms terms{.ignore_index = ignore_index};
  detail::check_cross_entropy(who, logits.shape(), logits.dtype(), targets, {}, 0, terms);
  const Index classes = logits.shape().back();
  const std::int32_t* target = targets.data<std::int32_t>();
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    const T* x = logits.data<T>();
    for (Index row = 0; row < targets.size(); ++row)
      if (target[row] != ignore_index) f(x + row * classes, classes, Index{target[row]});
  });
}

template <class T>
Index answer_of(const T* x, Index classes) {
  Index best = 0;
  for (Index c = 0; c < classes && x[best] == x[best]; ++c)
    if (x[c] > x[best] || x[c] != x[c]) best = c;
  return best;
}

}  // namespace

double Ratio::value() const {
  return total == 0 ? kNaN : static_cast<double>(hits) / static_cast<double>(total);
}

void Ratio::merge(const Ratio& other) {
  hits += other.hits;
  total += other.total;
}

Ratio accuracy(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index) {
  Ratio ratio;
  each_row("accuracy", logits, targets, ignore_index, [&](const auto* x, Index classes, Index target) {
    ratio.hits += answer_of(x, classes) == target;
    ++ratio.total;
  });
  return ratio;
}

Ratio top_k_accuracy(const Tensor& logits, const Tensor& targets, Index k, std::int32_t ignore_index) {
  require(k >= 1, "top_k_accuracy", "k is {}; at least 1 was wanted", k);
  Ratio ratio;
  each_row("top_k_accuracy", logits, targets, ignore_index, [&](const auto* x, Index classes, Index target) {
    Index ahead = 0;
    bool numbers = true;
    for (Index c = 0; c < classes; ++c) {
      ahead += x[c] > x[target] || (x[c] == x[target] && c < target);
      numbers = numbers && x[c] == x[c];
    }
    ratio.hits += numbers && ahead < k;
    ++ratio.total;
  });
  return ratio;
}

double area_under_roc(std::span<const double> negatives, std::span<const double> positives) {
  std::vector<double> sorted(negatives.begin(), negatives.end());
  std::sort(sorted.begin(), sorted.end());
  double won = 0;
  for (const double x : positives) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), x);
    won += static_cast<double>((low - sorted.begin()) + (high - sorted.begin())) / 2;
  }
  return won / (static_cast<double>(negatives.size()) * static_cast<double>(positives.size()));
}

double perplexity(double nll, double targets) {
  return std::exp(nll / targets);
}

double bits_per_unit(double nll, double units) {
  return nll / (units * std::numbers::ln2);
}

double bits_per_byte(double nats_per_token, double bytes_per_token) {
  return bits_per_unit(nats_per_token, bytes_per_token);
}

Calibration::Calibration(int bins) {
  require(bins >= 1, "Calibration", "{} bins came; at least 1 was wanted", bins);
  bins_.resize(static_cast<std::size_t>(bins));
}

void Calibration::add(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index) {
  each_row("Calibration", logits, targets, ignore_index, [&](const auto* x, Index classes, Index target) {
    const Index answer = answer_of(x, classes);
    double total = 0;
    for (Index c = 0; c < classes; ++c) total += std::exp(static_cast<double>(x[c]) - static_cast<double>(x[answer]));
    const double confidence = 1 / total, count = static_cast<double>(bins_.size());
    require(std::isfinite(confidence), "Calibration", "a row of logits holds NaN, +inf or nothing but -inf");
    const double place = std::clamp(std::ceil(confidence * count) - 1, 0.0, count - 1);
    Bin& bin = bins_[static_cast<std::size_t>(place)];
    ++bin.count;
    bin.correct += answer == target;
    bin.confidence += confidence;
  });
}

void Calibration::merge(const Calibration& other) {
  require(bins_.size() == other.bins_.size(), "Calibration", "{} bins cannot be merged with {}", bins_.size(),
          other.bins_.size());
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    bins_[i].count += other.bins_[i].count;
    bins_[i].correct += other.bins_[i].correct;
    bins_[i].confidence += other.bins_[i].confidence;
  }
}

double Calibration::error() const {
  double gap = 0;
  std::int64_t count = 0;
  for (const Bin& bin : bins_) {
    gap += std::abs(static_cast<double>(bin.correct) - bin.confidence);
    count += bin.count;
  }
  return count == 0 ? kNaN : gap / static_cast<double>(count);
}

ConfusionMatrix::ConfusionMatrix(Index classes) : classes_(classes) {
  require(classes >= 1, "ConfusionMatrix", "{} classes came; at least 1 was wanted", classes);
  counts_.resize(static_cast<std::size_t>(classes * classes));
}

void ConfusionMatrix::add(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index) {
  require(logits.rank() >= 1 && logits.shape().back() == classes_, "ConfusionMatrix",
          "the logits have shape {}; [.., {}] was wanted", logits.shape(), classes_);
  each_row("ConfusionMatrix", logits, targets, ignore_index, [&](const auto* x, Index classes, Index target) {
    ++counts_[static_cast<std::size_t>(target * classes + answer_of(x, classes))];
  });
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  require(classes_ == other.classes_, "ConfusionMatrix", "{} classes cannot be merged with {}", classes_,
          other.classes_);
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::int64_t ConfusionMatrix::count(Index target, Index answer) const {
  require(target >= 0 && target < classes_ && answer >= 0 && answer < classes_, "ConfusionMatrix",
          "entry ({}, {}) was asked for; there are {} classes, counted from 0", target, answer, classes_);
  return counts_[static_cast<std::size_t>(target * classes_ + answer)];
}

Ratio ConfusionMatrix::accuracy() const {
  Ratio ratio;
  for (Index c = 0; c < classes_; ++c) ratio.merge(recall(c));
  return ratio;
}

Ratio ConfusionMatrix::recall(Index target) const {
  Ratio ratio{count(target, target), 0};
  for (Index c = 0; c < classes_; ++c) ratio.total += count(target, c);
  return ratio;
}

Ratio ConfusionMatrix::precision(Index answer) const {
  Ratio ratio{count(answer, answer), 0};
  for (Index c = 0; c < classes_; ++c) ratio.total += count(c, answer);
  return ratio;
}

}  // namespace tempera
