// What is trained: something that knows its parameters and the loss of a part of a batch.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/named_value.h"
#include "data/batch.h"
#include "layers/context.h"

namespace tempera {

// A model with its head is one (train/model_learner.h); a program of one's own derives another.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual Module& module() = 0;

  // What these samples contribute to the step's normaliser: their number, or the number of their targets.
  virtual double weight(const Batch& samples) const = 0;
  // The sum of the samples' losses over `normaliser`, a Var of one element. The losses of all shards of a step add up
  // to the mean. `sums` collects what metrics() needs, one entry for each of sum_count().
  virtual Var loss(Context& context, const Batch& samples, double normaliser, std::span<double> sums) const = 0;
  virtual int sum_count() const = 0;
  // From the sums of any number of samples; the first is "loss".
  virtual NamedValues metrics(std::span<const double> sums) const = 0;
};

}  // namespace tempera
