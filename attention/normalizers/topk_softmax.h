// Sparse softmax: a softmax of the k largest scores.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w_j = exp(s_j) / sum over the k largest of exp(s)        for the k largest scores, 0 for the others
//   ds = w (dw - <w, dw>)
// Sun et al. 2021, Sparse-softmax (arXiv 2112.12433). Of equal scores the earlier key counts as larger. A row that sees
// no more than k keys is a softmax. The choice of keys has no gradient, so keys that are left out get none. Unchanged
// by s -> s + c.
struct TopkSoftmaxOptions : NormalizerOptions {
  int k = 10;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
