// What a model's answers are worth: counts that add up over shards, and the figures made of them.
//
// Answers are logits [.., C] with targets int32 [..]; targets equal to `ignore_index` take no part. The answer of a row
// is its largest logit, the first of equals; NaN counts as the largest, as in argmax. Whatever is collected is counts
// and sums: merge() adds those of another shard, and the figures of shards merged in order do not depend on threads.
// All throw Error where shapes or dtypes disagree or a target is neither a class nor ignored.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace tempera {

// hits of total, kept as integers so that merging is exact.
struct Ratio {
  std::int64_t hits = 0, total = 0;
  double value() const;  // NaN where total is 0
  void merge(const Ratio& other);
};

Ratio accuracy(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index = -1);
// Hit: fewer than k logits are larger than the target's, or equal to it and before it. k = 1 is accuracy (without NaN;
// a row with a NaN in it is a miss here). Throws Error unless k >= 1.
Ratio top_k_accuracy(const Tensor& logits, const Tensor& targets, Index k, std::int32_t ignore_index = -1);

// The area under the ROC curve of telling `positives` from `negatives` by being larger: the probability that one of the
// former exceeds one of the latter, ties counting half (Hanley & McNeil 1982). NaN where one of them is empty.
double area_under_roc(std::span<const double> negatives, std::span<const double> positives);

// From the summed -log p (natural logarithm) of `targets` targets: exp(nll / targets).
double perplexity(double nll, double targets);
// nll / (units ln 2), where units are characters or bytes of the text whose tokens cost nll: bits per character, bits
// per byte. NaN for no units.
double bits_per_unit(double nll, double units);
// The same from the mean cost of a token in nats and the mean number of bytes of a token.
double bits_per_byte(double nats_per_token, double bytes_per_token);

// Expected calibration error (Naeini et al. 2015; Guo et al. 2017, "On calibration of modern neural networks"):
//   sum over bins of (n_b / n) |accuracy_b - confidence_b|
// confidence: the largest probability softmax gives; bin b of B holds confidences in (b / B, (b + 1) / B], 0 the first.
class Calibration {
 public:
  struct Bin {
    std::int64_t count = 0, correct = 0;
    double confidence = 0;  // summed
  };

  // Throws Error unless bins >= 1.
  explicit Calibration(int bins = 15);
  void add(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index = -1);
  void merge(const Calibration& other);  // Error where the numbers of bins differ
  double error() const;                  // NaN where nothing was added
  const std::vector<Bin>& bins() const { return bins_; }

 private:
  std::vector<Bin> bins_;
};

// Counts of (target, answer).
class ConfusionMatrix {
 public:
  // Throws Error unless classes >= 1.
  explicit ConfusionMatrix(Index classes);
  void add(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index = -1);
  void merge(const ConfusionMatrix& other);  // Error where the numbers of classes differ

  Index classes() const { return classes_; }
  std::int64_t count(Index target, Index answer) const;
  Ratio accuracy() const;
  Ratio recall(Index target) const;     // of the targets of this class
  Ratio precision(Index answer) const;  // of the answers that name this class

 private:
  Index classes_;
  std::vector<std::int64_t> counts_;  // [target][answer]
};

}  // namespace tempera
