#include "train/model_learner.h"

namespace tempera {

ModelLearner::ModelLearner(std::unique_ptr<Model> model, std::unique_ptr<Head> head, DType dtype)
    : model_(std::move(model)), head_(std::move(head)), dtype_(dtype) {}

ModelInput ModelLearner::input(const Batch& samples, const std::shared_ptr<Pool>& pool) const {
  ModelInput input;
  input.inputs = is_floating(samples.inputs.dtype()) ? samples.inputs.to(dtype_, pool) : samples.inputs;
  input.lengths = samples.lengths;
  return input;
}

Var ModelLearner::loss(Context& context, const Batch& samples, double normaliser, std::span<double> sums) const {
  const Var features = model_->features(context, input(samples, context.tape().pool()));
  const Tape::Scope scope(context.tape(), "head");
  return head_->loss(context, features, Targets(samples.targets), normaliser, sums);
}

}  // namespace tempera
