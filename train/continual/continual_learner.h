// A model that learns one task after another.
//
//   ContinualLearner learner(make_learner_parts(...), std::move(stream), options, {.steps = 1000, .seed = 1});
//   Trainer trainer(options, learner, learner.stream().train, SgdOptions(), lr, learner.stages());
//   trainer.run();
//   learner.class_incremental().average(5);
//
// The steps of the run are dealt out evenly: with S steps and T tasks, task t = 0 .. T - 1 has the steps floor(t S / T)
// to floor((t + 1) S / T) - 1. The loss of a step is that of its StepPlan (train/continual/method.h). When a task ends,
// the accuracy on every task is measured on its test set; so before the first.
#pragma once

#include "data/sampler.h"
#include "train/continual/accuracy_matrix.h"
#include "train/continual/scenario.h"
#include "train/model_learner.h"
#include "train/trainer_options.h"

namespace tempera {

struct StreamRun {
  std::int64_t steps = 0;
  std::uint64_t seed = 1;
};

class ContinualLearner final : public ModelLearner {
 public:
  // The head's logits are taken, not its loss. `options` must outlive the learner. Throws Error where there are fewer
  // steps than tasks.
  ContinualLearner(LearnerParts parts, std::unique_ptr<TaskStream> stream, const StreamOptions& options,
                   const StreamRun& run);

  const TaskStream& stream() const { return *stream_; }
  Index tasks() const { return std::ssize(stream_->tasks); }
  std::vector<Stage> stages() const;
  // The first step of task `task` = 0 .. T.
  std::int64_t first_step(Index task) const;
  // How many tasks are done after so many steps, where one of them ends there; else none.
  std::optional<Index> ended(std::int64_t steps) const;

  // Answers are taken among the classes of the tasks so far, or all where tasks share them or come together.
  const AccuracyMatrix& class_incremental() const { return class_incremental_; }
  // Answers are taken among the classes of the sample's own task, which somebody told.
  const AccuracyMatrix& task_incremental() const { return task_incremental_; }

  // [B, K]
  Var logits(Context& context, const Batch& samples) const;
  // The mean cross-entropy of samples of a task's stream, masked as in training; the mask `present` counts as `task`.
  Var stream_loss(Context& context, const Batch& samples, Index task) const;

  // One for each row; see Learner.
  double weight(const Batch& samples) const override { return static_cast<double>(samples.size()); }
  void start(Parameters& parameters) override;
  const Batch& begin_step(std::int64_t step, const Batch& samples) override;
  std::int64_t rows(std::int64_t samples) const override { return samples + (method_ ? method_->more_rows() : 0); }
  bool wants_whole_steps() const override { return true; }
  void add_gradient(Tensor& gradient) override { method_->add_gradient(gradient); }
  void end_step() override;
  State state() override;

 protected:
  // Metrics: loss, accuracy of the stream's rows among all classes, and in training method_loss, the part of the loss
  // that is not the stream's cross-entropy.
  Var answer_loss(Context& context, const Var& features, const Batch& samples, double normaliser,
                  std::span<double> sums) const override;
  std::size_t answer_sums() const override { return kSums; }
  NamedValues answer_metrics(std::span<const double> sums) const override;

 private:
  enum Sum : std::size_t { kRows, kLoss, kCorrect, kMethodLoss, kTrained, kSums };
  struct Rows;
  Var plan_loss(const Var& logits, const Batch& samples, Index first, std::span<double> sums) const;
  Var part_loss(const RowPart& part, const Rows& rows, double& cross_entropy) const;
  Index task_of(std::int64_t step) const;
  Tensor hidden_of_stream(const Batch& samples, Index task);
  void hide_classes_of_memory();
  void measure(Index done);

  std::unique_ptr<TaskStream> stream_;
  const StreamOptions& options_;
  StreamRun run_;
  bool together_;
  std::vector<std::int32_t> task_of_class_;  // where classes are apart
  std::vector<Tensor> others_;               // of each task: int32 [K], 1 for classes that are not its own
  AccuracyMatrix class_incremental_, task_incremental_;
  Parameters* parameters_ = nullptr;
  std::unique_ptr<ContinualMethod> method_;

  StepPlan plan_;
  Batch memory_, joined_;
  Tensor present_;        // int32 [K]: the mask `present` of the step
  Tensor memory_hidden_;  // int32 [rows, K]
};

// Refuses, with every reason at once, what a stream of tasks cannot be trained with: a head other than plain
// cross-entropy, a batch of the whole set, averaged weights, early stopping, tasks smaller than a batch, fewer steps
// than tasks.
void check_stream(const TaskStream& stream, const Choice& head, const TrainerOptions& train);

}  // namespace tempera
