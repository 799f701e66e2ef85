#include "losses/cross_entropy_head.h"
#include "losses/elementwise_head.h"
#include "losses/head.h"
#include "losses/precise_head.h"

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

std::span<const Kind> head_kinds() {
  static constexpr Kind kKinds[] = {
      {"cross_entropy", "one of several classes: softmax cross-entropy", &make<CrossEntropyHeadOptions>},
      {"binary_cross_entropy", "yes or no for each output: one label or many", &make<BinaryHeadOptions>},
      {"stablemax", "one of several classes: StableMax, linear where the softmax is exponential",
       &make<StableMaxHeadOptions>},
      {"precise_cross_entropy", "softmax cross-entropy in an arithmetic of its own, and where it collapses",
       &make<PreciseHeadOptions>},
      {"squared_error", "numbers: mean squared error", &make<SquaredErrorHeadOptions>},
  };
  return kKinds;
}

}  // namespace tempera
