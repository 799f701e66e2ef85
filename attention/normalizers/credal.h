// Credal attention: scores as evidence for a Dirichlet distribution over the keys.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w_j = (exp(s_j) + 1) / (n + sum exp(s))         n the count of visible keys
//   U = n / (n + sum exp(s))                        the vacuity of the row, in (0, 1)
//   w = (1 - U) softmax(s) + U / n
// Ji, Song & Huang 2025, Credal Transformer (arXiv 2510.12137): the mean of a Dirichlet distribution of concentration
// exp(s) + 1, and how little evidence it rests on. The exponents are moved by max(0, max s) after the one was added, so
// nothing overflows and nothing changes. Not invariant under s -> s + c: much evidence gives the softmax, none the
// mean.
//
// With vacuity_loss the mean of U over rows and heads, times it, joins the loss of training, as the metric vacuity (our
// extension: the paper trains on its task alone).
struct CredalOptions : NormalizerOptions {
  double vacuity_loss = 0;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

// A normalizer whose rows sum to the vacuity U: attention through it over values of one gives the uncertainty of every
// query, to look at, to abstain by, or to train on.
std::unique_ptr<ScoreNormalizer> make_vacuity();

}  // namespace tempera
