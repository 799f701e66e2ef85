// Classification by the softmax of the k largest logits, whose gradient touches few classes.
#pragma once

#include "losses/head.h"

namespace tempera {

// core/ops/linear_topk_cross_entropy.h has the formula. Targets: int32 [..], class indices or `ignore_index`. Metrics:
// loss, accuracy; for sequences exact_match. With as many classes as k or fewer it would be the softmax: refused. Meant
// to go on from a softmax (`start_from`): the classes that are cut get no gradient.
struct TopkSoftmaxHeadOptions : ClassHeadOptions {
  int k = 10;

  void describe(Fields& f) override;
  // Throws Error unless there are more than k outputs.
  std::unique_ptr<Head> make(const HeadSizes& sizes) const override;
};

}  // namespace tempera
