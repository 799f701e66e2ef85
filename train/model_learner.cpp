#include "train/model_learner.h"

namespace tempera {

ModelLearner::ModelLearner(std::unique_ptr<Model> model, std::unique_ptr<Head> head, DType dtype, bool single_output)
    : model_(std::move(model)), head_(std::move(head)), dtype_(dtype), single_output_(single_output) {}

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
  const Tape::Scope scope(context.tape(), "head");
  return head_->loss(context, features, targets(samples), normaliser, sums);
}

}  // namespace tempera
