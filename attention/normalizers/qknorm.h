// Query-key normalisation: a softmax of cosines, at a learned scale.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w = softmax(g s)            s_j = <q, k_j> / (|q| |k_j|), so scores lie in [-g, g]; no 1 / sqrt(D)
// Henry et al. 2020, Query-Key Normalization for Transformers (arXiv 2010.04245). g is one number for all heads,
// learned without decay, and starts at log2(L^2 - L) with L the 97.5th percentile of the lengths of training, unless
// `scale` says it. Zero vectors have cosine 0. The gradient of a query is orthogonal to it.
struct QKNormOptions : NormalizerOptions {
  int length = 64;
  std::optional<double> scale;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
