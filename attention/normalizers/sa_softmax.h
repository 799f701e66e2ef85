// Self-adjust softmax: the probability times the score, so that a saturated row still learns.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   p = softmax(s),  low = min s,  high = max s            over the visible keys
//   score      w_j = s_j p_j                                                        signed, unbounded
//   shifted    w_j = (s_j - low) p_j
//   range      w_j = (s_j - low) / (high - low + delta) p_j
//   clamped    the same with low = min(low, 0), high = max(high, 0)                 in [0, p_j]; the paper's choice
// Zheng et al. 2025, Self-Adjust Softmax (arXiv 2502.18277). Rows are not normalised again: the sum of a clamped row
// lies in [0, 1]. A row of one key has the weight 1 for a positive score and 0 for a negative one. `shifted` and
// `range` are unchanged by s -> s + c. Gradients pass the minimum and the maximum.
struct SASoftmaxOptions : NormalizerOptions {
  std::string form = "clamped";
  double delta = 1e-6;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
