#include "train/average.h"

#include <algorithm>

#include "core/lanes.h"
#include "train/parallel_tasks.h"

namespace tempera {

void AverageOptions::describe(Fields& f) {
  f("decay", decay, "share of the average that a step keeps, e.g. 0.999; 0: no average", from_up_to(0, 1));
  f("ramp", ramp, "start with a smaller share, (1 + t) / (10 + t)");
}

double WeightAverage::decay(std::int64_t t) const {
  const auto step = static_cast<double>(t);
  return o_.ramp ? std::min(o_.decay, (1 + step) / (10 + step)) : o_.decay;
}

void WeightAverage::update(const Tensor& weights, std::int64_t t, int threads) {
  require(t >= 1, "WeightAverage", "step {} came; steps are counted from 1", t);
  if (!average_.defined()) average_ = weights.clone();
  require(average_.shape() == weights.shape() && average_.dtype() == weights.dtype(), "WeightAverage",
          "the weights are {}, but their average {}", weights, average_);
  dispatch(weights.dtype(), [&]<class T>(Type<T>) {
    constexpr Index W = lane_width<T>;
    const T* w = weights.data<T>();
    T* a = average_.data<T>();
    const Lanes<T> share(1 - decay(t));
    constexpr Index kPanel = 8192;
    parallel_tasks(threads, 0, (weights.size() + kPanel - 1) / kPanel, [&](Index panel) {
      const Index last = std::min(weights.size(), (panel + 1) * kPanel);
      for (Index i = panel * kPanel; i < last; i += W) {
        const Index count = std::min(W, last - i);
        const Lanes<T> old = Lanes<T>::load(a + i, count);
        // In this form equal weights stay equal, whatever rounding does to d and 1 - d.
        (old + share * (Lanes<T>::load(w + i, count) - old)).store(a + i, count);
      }
    });
  });
}

}  // namespace tempera
