#include "losses/cross_entropy_head.h"
#include "losses/elementwise_head.h"
#include "losses/entmax_head.h"
#include "losses/head.h"
#include "losses/precise_head.h"
#include "losses/topk_softmax_head.h"

namespace tempera {
namespace {

template <class O>
std::unique_ptr<Options> make() {
  return std::make_unique<O>();
}

}  // namespace

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
      {"cross_entropy", "one of several classes: softmax cross-entropy", &make<CrossEntropyHeadOptions>},
      {"binary_cross_entropy", "yes or no for each output: one label or many", &make<BinaryHeadOptions>},
      {"stablemax", "one of several classes: StableMax, linear where the softmax is exponential",
       &make<StableMaxHeadOptions>},
      {"precise_cross_entropy", "softmax cross-entropy in an arithmetic of its own, and where it collapses",
       &make<PreciseHeadOptions>},
      {"entmax", "one of several classes, or several: entmax and its loss, with exact zeros", &make<EntmaxHeadOptions>},
      {"sparsemax", "the same with alpha = 2", &make<SparsemaxHeadOptions>},
      {"topk_softmax", "one of many classes: softmax over the k largest logits", &make<TopkSoftmaxHeadOptions>},
      {"squared_error", "numbers: mean squared error", &make<SquaredErrorHeadOptions>},
  };
  return kKinds;
}

}  // namespace tempera
