// The training loop: batches, shards, update, evaluation, early stopping, checkpoints; as a library.
//
//   Trainer trainer(options, learner, train_set, AdamWOptions(), [](std::int64_t) { return 1e-3; });
//   trainer.validate_on(valid_set);
//   trainer.checkpoint_in("runs/mine/checkpoints");
//   trainer.on_step = [](const StepReport& report) { ... };
//   trainer.run();
//
// A step is a function of the configuration and its number: the samples, the random draws and the order of every sum
// are computed, not remembered. So a run gives the same bits on any number of threads, and a run that is stopped and
// goes on from a checkpoint gives those of one that was not.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/named_value.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "train/checkpoint_folder.h"
#include "train/learner.h"
#include "train/optimizer/optimizer.h"
#include "train/shards.h"
#include "train/trainer_options.h"

namespace tempera {

struct StepReport {
  std::int64_t step = 0;  // steps done, this one included
  double epoch = 0;
  double lr = 0;
  double gradient_norm = 0;  // before clipping
  NamedValues metrics = {};  // of this step's batch; the first is "loss"
  Index samples = 0;
};

struct EvaluationReport {
  std::int64_t step = 0;
  double epoch = 0;
  NamedValues metrics = {};  // of the validation set
  bool best = false;         // so far
};

struct CheckpointReport {
  std::int64_t step = 0;
  std::filesystem::path path;
  bool best = false;  // `best` names it now
};

// Thrown out of what was asked to stop.
struct Stopped {};

class Trainer {
 public:
  using LearningRate = std::function<double(std::int64_t step)>;  // of step 0, 1, ...

  // The learner must outlive the trainer. Its parameters are initialised here, from the seed. Where there are `stages`,
  // each has its turn with its part of the training set; see data/sampler.h. Of several `ranks` each makes its own
  // trainer of the same arguments and calls the same functions, also from the callbacks; all get the same results, and
  // only the first writes checkpoints.
  Trainer(const TrainerOptions& options, Learner& learner, std::shared_ptr<const Dataset> train,
          const OptimizerOptions& optimizer, LearningRate lr, std::vector<Stage> stages = {},
          Ranks& ranks = single_rank());
  ~Trainer();

  // Each evaluates, saves or prunes as the sections of the options say; without them run() only steps.
  // Throws Error where stopping.metric is not among the learner's metrics.
  void validate_on(std::shared_ptr<const Dataset> valid);
  // `fingerprint` is of the configuration: resume() refuses a checkpoint of another.
  void checkpoint_in(std::filesystem::path folder, std::string fingerprint = {});

  // Called when each is done; may call evaluate(), save() and stop().
  std::function<void(const StepReport&)> on_step;
  std::function<void(const EvaluationReport&)> on_evaluation;
  std::function<void(const CheckpointReport&)> on_checkpoint;
  // Asked between two steps and between two batches of an evaluation; of several ranks one that asks is enough.
  std::function<bool()> should_stop;

  // Trains until options.steps or until early stopping: true. False where stop() or should_stop asked to leave before;
  // then a checkpoint of that instant is there, and a trainer that resumes from it ends with the same bits. Throws
  // NonFiniteError when the loss is not finite: the step is played again under the watch, which names operation and
  // module, and the checkpoint of what came before it is kept beside the others (failed-000123), so that a run that
  // resumes from there fails in the same step. DataError: a batch could not be read. CheckpointError: the last
  // checkpoint could not be written; of the others a warning is logged, and training goes on.
  bool run();
  void stop() { stopped_ = true; }
  // One step, and nothing else. The report is valid until the next. Allocates nothing in the steady state.
  const StepReport& step();

  // Metrics over a whole set, or `samples` spread evenly over it, of the averaged weights where there are any; nothing
  // is recorded and dropout is off. Throws Stopped where should_stop asks for it.
  NamedValues evaluate(const Dataset& set, std::int64_t samples = 0);
  // The same of the weights of a checkpoint; those of the trainer come back afterwards.
  NamedValues evaluate_checkpoint(const std::filesystem::path& folder, const Dataset& set, std::int64_t samples = 0);

  // Throws Stopped where should_stop asks for it: for whatever takes long beside the loop.
  void heed_stop() const {
    if (ranks_.any(should_stop && should_stop())) throw Stopped();
  }

  // While it lives, the parameters are those that evaluation uses: the averaged ones where there are any.
  class Averaged {
   public:
    explicit Averaged(Trainer& trainer) : trainer_(trainer) { trainer_.swap_average(); }
    ~Averaged() { trainer_.swap_average(); }  // NOLINT(bugprone-exception-escape): the types fitted before
    Averaged(const Averaged&) = delete;
    Averaged& operator=(const Averaged&) = delete;

   private:
    Trainer& trainer_;
  };

  // A checkpoint of this instant, written by the first rank, and going on from one, which all read. Throw
  // CheckpointError where that cannot be done.
  void save(const std::filesystem::path& folder);
  void resume(const std::filesystem::path& folder);

  std::int64_t steps_done() const { return report_.step; }
  double epoch() const { return report_.epoch; }
  bool stopped_early() const { return stopping_.stop(); }
  // The step of the best evaluation; 0: there was none.
  std::int64_t best_step() const { return stopping_.state().best_step; }
  Ranks& ranks() const { return ranks_; }
  // Of a step with a full batch.
  Index shards() const { return shard_count(learner_.rows(options_.batch * options_.accumulate)); }
  Parameters& parameters() { return parameters_; }
  const Tensor& gradients() const { return runner_.gradients(); }  // of the last step, before clipping
  // Of the weights, and cos(-g, w) with the gradient of the last step: near 1, steps but scale the weights.
  struct WeightFigures {
    double norm, alignment;
  };
  WeightFigures weight_figures() const;
  // Shows where the time of steps goes, see train/profile.h; null: no longer.
  void observe(Profile* profile);
  std::size_t peak_bytes() const { return runner_.peak_bytes(); }
  std::string weights_hash() const;

 private:
  // Samples [first, first + rows.size()) of `total`: those of this rank's shards, or all.
  struct Part {
    const Batch& rows;
    Index first, total;
  };
  Index shard_size() const;
  Index shard_count(Index samples) const;
  std::pair<Index, Index> own_rows(Index samples) const;
  Part part(const Batch& rows, Index total) const;
  Batch shard_of(const Part& part, Index shard) const;
  Var shard_loss(Context& context, const Part& part, Index shard, double normaliser, std::span<double> sums);
  const ShardResult& run_shards(const Part& part);
  [[noreturn]] void explain_non_finite(const Part& part, double loss, double norm);
  void start_loader();
  bool finished() const { return steps_done() >= options_.steps || stopped_early(); }
  void after_step();
  void validate();
  void checkpoint(bool last);
  void keep_failed();
  void require_same_weights() const;
  void load(const std::filesystem::path& folder);
  void swap_average();

  TrainerOptions options_;
  Learner& learner_;
  Ranks& ranks_;
  std::shared_ptr<const Dataset> train_, valid_;
  LearningRate lr_;
  Rng rng_;
  Parameters parameters_;
  std::vector<Segment> segments_;
  std::unique_ptr<Optimizer> optimizer_;
  GradientNorm gradient_norm_;
  std::optional<WeightAverage> average_;
  EarlyStopping stopping_;
  ShardRunner runner_;
  Profile* profile_ = nullptr;
  Sampler sampler_;
  std::unique_ptr<Loader> loader_;
  std::vector<Batch> trimmed_;  // of each shard
  std::optional<CheckpointFolder> folder_;
  std::string fingerprint_;
  StepReport report_;
  std::int64_t evaluated_ = 0, saved_ = -1;  // the last steps that were
  bool stopped_ = false;
};

}  // namespace tempera
