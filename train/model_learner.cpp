#include "train/model_learner.h"

#include <algorithm>

#include "core/ops/elementwise.h"

namespace tempera {

ModelLearner::ModelLearner(std::unique_ptr<Model> model, std::unique_ptr<Head> head, DType dtype, bool single_output)
    : model_(std::move(model)),
      head_(std::move(head)),
      dtype_(dtype),
      single_output_(single_output),
      part_losses_(part_losses(*model_)) {}

ModelLearner::ModelLearner(LearnerParts parts)
    : ModelLearner(std::move(parts.model), std::move(parts.head), parts.dtype, parts.single_output) {}

ModelInput ModelLearner::input(const Batch& samples, const std::shared_ptr<Pool>& pool) const {
  ModelInput input;
  input.inputs = is_floating(samples.inputs.dtype()) ? samples.inputs.to(dtype_, pool) : samples.inputs;
  input.lengths = samples.lengths;
  input.second_inputs = samples.second_inputs;
  input.second_lengths = samples.second_lengths;
  return input;
}

Targets ModelLearner::targets(const Batch& samples) const {
  const Tensor& t = samples.targets;
  return Targets(single_output_ ? t.reshaped(t.shape().inserted(t.rank(), 1)) : t);
}

Var ModelLearner::loss(Context& context, const Batch& samples, double normaliser, std::span<double> sums) const {
  const Var features = model_->features(context, input(samples, context.tape().pool()));
  const std::size_t own = answer_sums();
  Var loss;
  {
    const Tape::Scope scope(context.tape(), "head");
    loss = answer_loss(context, features, samples, normaliser, sums.first(own));
  }
  if (context.part_losses().empty()) return loss;
  const double weight = this->weight(samples);
  for (const PartLoss& part : context.part_losses()) {
    const auto known = std::find(part_losses_.begin(), part_losses_.end(), part.name);
    require(known != part_losses_.end(), "ModelLearner",
            "a part of the model added the loss '{}', which no part names in loss_names()", part.name);
    loss = loss + part.weighted * (weight / normaliser / part.parts);
    const std::size_t at = own + 2 * static_cast<std::size_t>(known - part_losses_.begin());
    sums[at] += weight * part.total / part.parts;
    sums[at + 1] += weight;
  }
  return loss;
}

NamedValues ModelLearner::metrics(std::span<const double> sums) const {
  const std::size_t own = answer_sums();
  NamedValues metrics = answer_metrics(sums.first(own));
  for (std::size_t i = 0; i < part_losses_.size(); ++i)
    if (const double weight = sums[own + 2 * i + 1]; weight > 0)
      metrics.push_back({part_losses_[i], sums[own + 2 * i] / weight});
  return metrics;
}

}  // namespace tempera
