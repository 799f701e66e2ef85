// A model with its head as a learner: what experiments train.
#pragma once

#include <memory>

#include "layers/model.h"
#include "losses/head.h"
#include "train/learner.h"

namespace tempera {

// What it is made of; see the constructor.
struct LearnerParts {
  std::unique_ptr<Model> model;
  std::unique_ptr<Head> head;
  DType dtype = DType::float32;
  bool single_output = false;
};

// Training minimises the head's loss plus those that the model's parts add to it (Context::add_loss). A shard counts in
// these by its share of the step's targets. Metrics: the head's, of which "loss" is the head's alone, then, in
// training, one for each of the others under its name.
class ModelLearner : public Learner {
 public:
  // `dtype` is the type that floating inputs are converted to. `single_output`: the head has one output for each
  // sample, and targets [..] are given to it as [.., 1].
  ModelLearner(std::unique_ptr<Model> model, std::unique_ptr<Head> head, DType dtype = DType::float32,
               bool single_output = false);
  explicit ModelLearner(LearnerParts parts);

  Module& module() override { return both_; }
  double weight(const Batch& samples) const override { return head_->weight(targets(samples)); }
  Var loss(Context& context, const Batch& samples, double normaliser, std::span<double> sums) const final;
  int sum_count() const final { return static_cast<int>(answer_sums() + 2 * part_losses_.size()); }
  NamedValues metrics(std::span<const double> sums) const final;

  const Model& model() const { return *model_; }
  const Head& head() const { return *head_; }
  ModelInput input(const Batch& samples, const std::shared_ptr<Pool>& pool) const;
  Targets targets(const Batch& samples) const;

 protected:
  // The loss of the answers, what it sums up and what the sums say: the head's, unless a derived learner has another.
  virtual Var answer_loss(Context& context, const Var& features, const Batch& samples, double normaliser,
                          std::span<double> sums) const {
    return head_->loss(context, features, targets(samples), normaliser, sums);
  }
  virtual std::size_t answer_sums() const { return head_->sum_names().size(); }
  virtual NamedValues answer_metrics(std::span<const double> sums) const { return head_->metrics(sums); }

 private:
  // The model's names as they are, the head's behind "head.".
  struct Both : Module {
    explicit Both(ModelLearner& owner_) : owner(owner_) {}
    void visit(ParameterVisitor& v) override {
      owner.model_->visit(v);
      v("head", owner.head_);
    }
    std::string type() const override { return owner.model_->type(); }
    ModelLearner& owner;
  };

  std::unique_ptr<Model> model_;
  std::unique_ptr<Head> head_;
  DType dtype_;
  bool single_output_;
  std::vector<std::string_view> part_losses_;  // two sums each: weight x loss, weight
  Both both_{*this};
};

}  // namespace tempera
