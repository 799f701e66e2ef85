// ReLU attention of unit variance, and the loss that keeps its rows in shape.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   w_j = relu(s_j) / (gamma sqrt(n / 2))            n the count of visible keys
// Shen et al. 2023, A Study on ReLU and Softmax in Transformer (arXiv 2302.06461). For scores of unit variance the
// output has the variance of the values over gamma^2, whatever n. gamma is fixed, or learned per head as exp(l_h),
// without decay. Training adds to its loss the mean over rows and heads of what make_reluformer_loss says, as the
// metric row_loss; it costs a second product of queries and keys. The paper's weights are unknown.
struct ReluformerOptions : NormalizerOptions {
  double gamma = 1;
  bool learned = false;
  double norm_loss = 0.1;
  double entropy_loss = 0.1;

  void describe(Fields& f) override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

// A normalizer whose rows sum to the paper's loss of the row: attention through it over values of one gives the loss of
// every query.
//   norm |log(sum h + 1e-8)| + entropy max(0, H - 0.7 log n),   p = h / (sum h + 1e-8),  H = -sum p log p
// with h the weights of the row. A row without a positive score has none. `gamma` where the heads do not learn theirs.
std::unique_ptr<ScoreNormalizer> make_reluformer_loss(double gamma, double norm, double entropy);

}  // namespace tempera
