// Sinkhorn attention: rows and columns of the weights sum to one.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   u = v = 0;   even steps  u_i = -log T - lse_j(S_ij + v_j),   odd steps  v_j = -log T - lse_i(S_ij + u_i)
//   W_ij = T exp(S_ij + u_i + v_j)                                 over the T true tokens of the sequence
// Sander, Ablin, Blondel & Peyre 2022, Sinkformers. An odd number of steps ends with the rows, whose sums are then
// exactly 1; one step is the softmax, and more bring the columns to 1 as well. The gradient runs back through all
// steps. A causal matrix with such sums could only be the identity, and padding would take part in the columns, so
// tokens must all see each other; padding gets zeros. Converged it does not change when rows or columns of S move by
// constants, before that only for rows. Memory: a whole matrix.
struct SinkhornOptions : NormalizerOptions {
  int steps = 5;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
