// What is trained: something that knows its parameters and the loss of a part of a batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

  // What a learner does beside the loss, around every step and on the thread that trains. Once, before the first step:
  virtual void start(Parameters& /*parameters*/) {}
  // Step `step` = 0, 1, ... is about to run on these samples: the samples that it shall run on instead, which begin
  // with those and stay valid until end_step(). rows(n): how many at most where n came.
  virtual const Batch& begin_step(std::int64_t /*step*/, const Batch& samples) { return samples; }
  virtual std::int64_t rows(std::int64_t samples) const { return samples; }
  // Whether begin_step() wants all samples of a step, also where several processes share them.
  virtual bool wants_whole_steps() const { return false; }
  // The gradient of the step's loss is there; adds that of what depends on the parameters alone. [flat_size()]
  virtual void add_gradient(Tensor& /*gradient*/) {}
  // The parameters were updated.
  virtual void end_step() {}
  // What all this remembers between steps: tensors by name, of fixed shapes from start() on, which checkpoints keep.
  // Whoever resumes writes into them.
  using State = std::vector<std::pair<std::string, Tensor>>;
  virtual State state() { return {}; }
};

}  // namespace tempera
