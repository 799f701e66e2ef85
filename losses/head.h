// A head: the output layer of a model together with its loss and what the loss tells about progress.
//
// The loss of one shard is a sum over its targets divided by a normaliser that is known before the step, so the losses
// and gradients of all shards add up to the mean over the batch. A step reads
//
//   double normaliser = 0;
//   for (shard : shards) normaliser += head.weight(targets of the shard);
//   for (shard : shards) loss += head.loss(context, features, targets, normaliser, sums of the shard);
//   for (Metric& m : head.metrics(sums added up over the shards in order)) ...
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/fields.h"
#include "core/named_value.h"
#include "layers/context.h"

namespace tempera {

// What is to be predicted. `weights`, where defined, weighs each target: it has the shape of the targets or of their
// first axes ([B]: one for each sample). A weight of 0 leaves a target out.
struct Targets {
  Targets(Tensor values_, Tensor weights_ = {}) : values(std::move(values_)), weights(std::move(weights_)) {}
  Tensor values, weights;
};

using Metric = NamedValue;  // NaN where no target took part

class Head : public Module {
 public:
  // features [.., d] -> [.., outputs]
  virtual Var logits(Context& context, const Var& features) const = 0;

  // sum over targets of weight * loss / normaliser, a scalar. Adds to `sums`, one entry for each of sum_names().
  virtual Var loss(Context& context, const Var& features, const Targets& targets, double normaliser,
                   std::span<double> sums) const = 0;
  // What these targets contribute to the normaliser.
  virtual double weight(const Targets& targets) const = 0;

  // Names of the sums, and what the sums of any number of shards say: the first metric is always "loss", the mean that
  // training minimises. Throws Error unless there are as many sums as names.
  virtual std::span<const std::string_view> sum_names() const = 0;
  virtual NamedValues metrics(std::span<const double> sums) const = 0;

 protected:
  void check_sums(std::string_view who, std::span<const double> sums) const;
};

// The sizes a model gives its head. `tied` is an embedding [outputs, width] to be used as the output weight; its owner
// visits it. `tokens`: targets are tokens of text; `sequences`: they are whole texts [B, N], of which it counts how
// many are right from end to end.
struct HeadSizes {
  Index width = 0, outputs = 0;
  const Parameter* tied = nullptr;
  bool tokens = true, sequences = false;
};

struct HeadOptions : Options {
  virtual std::unique_ptr<Head> make(const HeadSizes& sizes) const = 0;
  // Whether HeadSizes::tied is wanted.
  virtual bool wants_tied() const { return false; }
};

// What heads over classes have in common: one class of several for each target.
struct ClassHeadOptions : HeadOptions {
  bool bias = true;
  bool tied = false;  // the output weight is the model's table of token embeddings
  int ignore_index = -1;

  void describe(Fields& f) override;
  bool wants_tied() const override { return tied; }
};

// All heads, for configurations.
std::span<const Kind> head_kinds();

}  // namespace tempera
