// Pointwise attention: an activation of each score over a power of the count of keys.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w_j = h(s_j) / n^alpha             n the count of visible keys of the row
// Wortsman, Lee, Gilmer & Kornblith 2023, Replacing softmax with ReLU in Vision Transformers (arXiv 2309.08586), with
// h = relu and alpha = 1; the paper knows rows that see everything, the count of each row is our extension. Rows do not
// sum to 1, and a row without a positive score gives zeros. With relu the output grows with the scores: q -> c q gives
// c o for c > 0. relu'(0) = 0. With `gate` the heads' outputs side by side are multiplied by sigmoid(x W^T) of the
// token that asks, W [H E, d_model] (name: gate); the paper finds that it does not make the division superfluous.
struct ReluOptions : NormalizerOptions {
  std::string activation = "relu";
  double alpha = 1;
  bool gate = false;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
