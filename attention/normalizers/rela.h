// Rectified linear attention: ReLU of the scores, and a norm of what the heads give.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w_j = relu(s_j)
//   z [H E]: the outputs of all heads side by side,   r = z / sqrt(mean z^2 + eps)
//   y = sigmoid(gate z) gain r      (gated, ReLA-g)         y = gain r      (ReLA-i)            gate, gain [H E]
// Zhang, Titov & Sennrich 2021, Sparse Attention with Linear Units (arXiv 2104.07012), with the norm over the full
// width as in the authors' code. The gate starts uniform in +-sqrt(3 / H E); the gain starts at 1, or without a gate
// uniform in the same small range, without decay. A row without a positive score gives zeros before and after the norm.
// Rows do not sum to 1; the norm takes the place of a division. eps: the authors take 1e-8, at which the slope at z = 0
// is 1e4.
struct RelaOptions : NormalizerOptions {
  bool gate = true;
  double eps = 1e-6;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
