// Classification with exact zeros: entmax and sparsemax as the output, with the loss that belongs to them.
#pragma once

#include "losses/head.h"

namespace tempera {

// core/ops/entmax_loss.h has the formula. Targets: int32 [..], class indices or `ignore_index`; or numbers of at least
// 0
// [.., outputs], several labels or proportions, of which every row is divided by its sum. Metrics: loss; accuracy, the
// share of targets whose largest logit is right; support, the mean count of outputs above zero; divergence, the mean
// Jensen-Shannon divergence of outputs and targets; for sequences exact_match.
struct EntmaxHeadOptions : ClassHeadOptions {
  double alpha = 1.5;

  void describe(Fields& f) override;
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

// alpha = 2: Martins & Astudillo 2016, From Softmax to Sparsemax.
struct SparsemaxHeadOptions : EntmaxHeadOptions {
  SparsemaxHeadOptions() { alpha = 2; }
  void describe(Fields& f) override;
};

}  // namespace tempera
