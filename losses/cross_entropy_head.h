// Classification: softmax cross-entropy over the outputs of a linear layer (core/ops/cross_entropy.h has the formula).
#pragma once

#include "losses/head.h"

namespace tempera {

// Targets: int32 [..], class indices or `ignore_index`. The layer and the loss are one operation that never holds the
// logits whole. Metrics: loss, accuracy; for tokens perplexity = exp(mean of -log p) and bits = mean of -log2 p; for
// sequences exact_match, the share of those without a wrong token.
//
// `tied`: the output weight is the model's table of token embeddings (Press & Wolf 2017): one parameter with one
// gradient, the sum of both uses.
struct CrossEntropyHeadOptions : ClassHeadOptions {
  double label_smoothing = 0;
  double z_loss = 0;
  std::vector<double> class_weights = {};

  void describe(Fields& f) override;
  // Throws Error where there are class weights, but not one for each output.
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

}  // namespace tempera
