// Length-scaled softplus attention, and its re-weighting.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   a_j = softplus(log(d) log(n) s_j),   A = a / sum a           s_j cosines, d the head's width, n the visible keys
//   r_j = relu(n A_j - o)^p,   w = r / sum r                     o = 1, but 0 where n <= 3
// Gao & Spratling 2025, Softplus Attention with Re-weighting Boosts Length Extrapolation (arXiv 2501.13428): LSSA is A,
// LSSAR is w. The re-weighting runs always, in evaluation only, or never. Before the power a row is divided by its
// maximum, which changes nothing but keeps p = 15 within float32; a row of equal weights falls back to A, where the
// paper's formula has 0 / 0. Queries and keys come as unit vectors, and no 1 / sqrt(d) scales their product.
struct SoftplusOptions : NormalizerOptions {
  std::string reweight = "always";
  int power = 15;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
