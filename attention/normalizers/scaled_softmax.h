// Softmax attention with a scale of its own for each token and head: a head that has nothing to say can be silent.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w = softmax(s),   o_h <- 2 sigmoid(x W_h + b_h) o_h            x [d_model] the token that asks; W [H, d_model], b
//   [H]
// An et al. 2025, Systematic Outliers in Large Language Models (arXiv 2502.06415), "context-aware scaling": the factor
// in (0, 2) does what attention sinks and outliers do otherwise. W starts uniform as a linear layer, b at 0; W = b = 0
// is the softmax.
struct ScaledSoftmaxOptions : NormalizerOptions {
  void describe(Fields&) override {}
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
