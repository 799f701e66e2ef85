// Entmax and sparsemax: weights that are exactly zero below a threshold.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w = argmax over p in the simplex of <p, s> + (1 - sum p^alpha) / (alpha (alpha - 1))
//     = [(alpha - 1) s - tau]_+ ^ (1 / (alpha - 1)),     tau such that the weights sum to 1,   alpha > 1
//   ds = g (dw - <g, dw> / sum g),     g_j = w_j^(2 - alpha) where w_j > 0, otherwise 0
// Peters, Niculae & Martins 2019, Sparse Sequence-to-Sequence Models. alpha = 2 is the sparsemax, the Euclidean
// projection of s onto the simplex (Martins & Astudillo 2016); towards 1 it becomes the softmax. Unchanged by s -> s +
// c.
//
// tau is searched as core/entmax_row.h says.
//
// With `learned`, alpha_h = 1 + sigmoid(a_h) per head, without decay (Correia, Niculae & Martins 2019); with
// t = g / sum g and h_j = w_j log w_j
//   dalpha = sum_j dw_j ((w_j - t_j) / (alpha - 1)^2 - (h_j - t_j sum h) / (alpha - 1))
struct EntmaxOptions : NormalizerOptions {
  double alpha = 1.5;
  bool learned = false;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

// alpha = 2.
struct SparsemaxOptions : NormalizerOptions {
  void describe(Fields&) override {}
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
