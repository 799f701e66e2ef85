#include "core/kind_of.h"
#include "losses/cross_entropy_head.h"
#include "losses/elementwise_head.h"
#include "losses/entmax_head.h"
#include "losses/head.h"
#include "losses/precise_head.h"
#include "losses/topk_softmax_head.h"

namespace tempera {

void Head::check_sums(std::string_view who, std::span<const double> sums) const {
  require(sums.size() == sum_names().size(), who, "{} sums came; {}, one for each of sum_names(), were wanted",
          sums.size(), sum_names().size());
}

void ClassHeadOptions::describe(Fields& f) {
  f("bias", bias, "adds a bias to the logits");
  f("tied", tied, "the output weight is the model's table of token embeddings");
  f("ignore_index", ignore_index, "targets of this value take no part");
}

std::span<const Kind> head_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<CrossEntropyHeadOptions>("cross_entropy", "one of several classes: softmax cross-entropy"),
      kind_of<BinaryHeadOptions>("binary_cross_entropy", "yes or no for each output: one label or many"),
      kind_of<StableMaxHeadOptions>("stablemax",
                                    "one of several classes: StableMax, linear where the softmax is exponential"),
      kind_of<PreciseHeadOptions>("precise_cross_entropy",
                                  "softmax cross-entropy in an arithmetic of its own, and where it collapses"),
      kind_of<EntmaxHeadOptions>("entmax", "one of several classes, or several: entmax and its loss, with exact zeros"),
      kind_of<SparsemaxHeadOptions>("sparsemax", "the same with alpha = 2"),
      kind_of<TopkSoftmaxHeadOptions>("topk_softmax", "one of many classes: softmax over the k largest logits"),
      kind_of<SquaredErrorHeadOptions>("squared_error", "numbers: mean squared error"),
  };
  return kKinds;
}

}  // namespace tempera
