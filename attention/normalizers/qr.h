// Doubly stochastic attention by an orthogonal factor of the scores.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   S = Q R,    w_ij = Q_ij^2            rows and columns sum to 1: those of an orthogonal matrix have the length 1
//   dQ = 2 Q dw,   B = -dQ^T Q,   C = tril(B) + tril(B, -1)^T,   dS = (dQ + Q C) R^-T        (products dw by element)
// Born et al. 2025, Quantum Doubly Stochastic Transformers (arXiv 2504.16275), the classical operator. Q by
// Gram-Schmidt, twice, in float64. It is not a similarity: signs of scores do not matter, nor does the size of a
// column; key 0 decides column 0, key 1 what is orthogonal to it, and so on, so the order of the keys matters. Among
// tokens that all see each other only; padding is outside of the square.
//
// Scores of more tokens than a head is wide have no full rank and hence no Q of their own: such sequences are refused.
// `noise` N(0, noise^2), the same at every place in every pass, keeps the rest away from where R cannot be inverted.
struct QROptions : NormalizerOptions {
  double noise = 1e-7;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
