// Heads whose outputs each have a target of their own: binary and multi-label classification, and regression.
//
// Targets: [.., outputs], float (any of the two types) or int32. A target that is missing, NaN or, as int32, -1 for
// labels, takes no part; neither does one of weight 0. Every entry counts by itself: the loss is
//   sum over entries of u l(x, t) / normaliser,          normaliser = sum over entries of u
// (PyTorch's reduction='mean' where nothing is missing or weighted).
#pragma once

#include "losses/head.h"

namespace tempera {

//   l = p t softplus(-x) + (1 - t) softplus(x)            t in [0, 1], p the weight of positives for that output
// F.binary_cross_entropy_with_logits, with p its pos_weight. Both terms are positive, so nothing cancels, and softplus
// never overflows. Metrics: loss, accuracy (share of entries where x > 0 agrees with t > 1/2).
struct BinaryHeadOptions : HeadOptions {
  bool bias = true;
  std::vector<double> positive_weights = {};

  void describe(Fields& f) override;
  // Throws Error where there are positive weights, but not one for each output.
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

//   l = (x - t)^2
// Metrics: loss, mse and mae (mean absolute error), the latter two with each target counted once whatever its weight.
struct SquaredErrorHeadOptions : HeadOptions {
  bool bias = true;

  void describe(Fields& f) override;
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

}  // namespace tempera
