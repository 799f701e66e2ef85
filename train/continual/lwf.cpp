#include "train/continual/lwf.h"

#include <algorithm>

#include "losses/distillation.h"
#include "train/continual/continual_learner.h"

namespace tempera {
namespace {

class Lwf final : public ContinualMethod {
 public:
  Lwf(const LwfOptions& options, const MethodPlace& place)
      : options_(options),
        place_(place),
        old_weights_(place.parameters.make_flat()),
        context_(tape_, place.parameters) {
    Tensor hidden = Tensor::full({place.stream.classes()}, DType::int32, place.stream.apart ? 1 : 0);
    for (const StreamTask& task : place.stream.tasks) {
      new_classes_.push_back(hidden.clone());
      for (const std::int32_t c : task.classes) hidden.data<std::int32_t>()[c] = 0;
    }
  }

  void begin_step(StepPlan& plan) override {
    if (plan.task == 0) return;
    RowPart& part = plan.parts[0];
    part.distil = options_.weight;
    part.temperature = options_.temperature;
    part.soft_hidden = new_classes_[static_cast<std::size_t>(plan.task)];
    const Shape shape{part.rows, place_.stream.classes()};
    if (!soft_.defined() || soft_.shape() != shape) soft_ = Tensor::empty(shape, place_.parameters.dtype());
    exchange_weights();
    context_.begin(0, 0);
    soften(place_.learner.logits(context_, *plan.stream).value(), part.soft_hidden, part.temperature, soft_);
    exchange_weights();
    part.soft = soft_;
  }

  void end_task(Index) override { old_weights_.copy_from(place_.parameters.flat()); }
  Learner::State state() override { return {{"lwf.weights", old_weights_}}; }

 private:
  void exchange_weights() {
    dispatch(old_weights_.dtype(), [&]<class T>(Type<T>) {
      T* old = old_weights_.data<T>();
      std::swap_ranges(old, old + old_weights_.size(), place_.parameters.flat().data<T>());
    });
  }

  LwfOptions options_;
  MethodPlace place_;
  Tensor old_weights_;  // of before the task
  Tape tape_;
  Context context_;
  std::vector<Tensor> new_classes_;  // of each task: 1 for its own classes and later ones
  Tensor soft_;
};

}  // namespace

void LwfOptions::describe(Fields& f) {
  f("weight", weight, "factor of the distillation", at_least(0));
  f("temperature", temperature, "divides the logits that are compared", above(0));
}

std::unique_ptr<ContinualMethod> LwfOptions::make(const MethodPlace& place) const {
  return std::make_unique<Lwf>(*this, place);
}

}  // namespace tempera
