#include "layers/dropout.h"

#include "core/ops/dropout.h"

namespace tempera {

Var drop(Context& context, const Var& x, double probability, std::string_view use, Index rows_per_sample) {
  if (!context.training() || probability == 0) return x;
  require(x.rank() >= 1, "Dropout", "the input has no axes; [samples, ..] was wanted");
  const Index per_sample = rows_per_sample * x.shape().product(1, x.rank());
  return dropout(x, probability, context.rng(use), "mask",
                 static_cast<std::uint64_t>(context.first_sample() * per_sample));
}

Dropout::Dropout(double probability_) : probability(probability_) {
  require(probability >= 0 && probability < 1, "Dropout",
          "the probability is {}; a number in [0, 1) was wanted: the share of elements set to zero", probability);
}

}  // namespace tempera
