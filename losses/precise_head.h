// Classification heads whose loss is computed in an arithmetic of its own (core/ops/precise_cross_entropy.h).
#pragma once

#include "losses/head.h"

namespace tempera {

// StableMax cross-entropy (Prieto et al. 2025), in float64 whatever the model's type. Metrics: loss, accuracy; for
// sequences exact_match.
struct StableMaxHeadOptions : ClassHeadOptions {
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

// Softmax cross-entropy, every number of it rounded to `arithmetic`: "float16", "float32" or "float64". Metrics as
// above, and collapse, the share of the targets whose largest logit has absorbed all others in the sum, and zero_loss,
// the share of those whose loss is exactly 0.
struct PreciseHeadOptions : StableMaxHeadOptions {
  std::string arithmetic = "float64";

  void describe(Fields& f) override;
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

}  // namespace tempera
