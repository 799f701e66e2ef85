// The training loop: batches, shards, update, evaluation, checkpoints; as a library.
//
//   Trainer trainer(options, learner, train_set, AdamWOptions().make, constant(1e-3));
//   trainer.on_step = [](const StepReport& report) { ... };
//   trainer.run();
//
// A step is a function of the configuration and its number: the samples, the random draws and the order of every sum
// are computed, not remembered. So a run gives the same bits on any number of threads, and a run that is stopped and
// goes on from a checkpoint gives those of one that was not.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/fields.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "train/learner.h"
#include "train/optimizer/optimizer.h"
#include "train/shards.h"

namespace tempera {

struct TrainerOptions : Options {
  std::int64_t steps = 1000;
  std::int64_t batch = 32;
  std::int64_t accumulate = 1;
  std::int64_t shard = 0;
  bool drop_last = true;
  double clip = 1;
  std::int64_t prefetch = 2;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string dtype = "float32";
  bool watch = false;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
};

struct StepReport {
  std::int64_t step = 0;  // steps done, this one included
  double epoch = 0;
  double lr = 0;
  double gradient_norm = 0;         // before clipping
  std::vector<NamedValue> metrics;  // of this step's batch; the first is "loss"
  Index samples = 0;
};

class Trainer {
 public:
  using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(std::vector<Segment>)>;
  using LearningRate = std::function<double(std::int64_t step)>;  // of step 0, 1, ...

  // The learner must outlive the trainer. Its parameters are initialised here, from the seed.
  Trainer(const TrainerOptions& options, Learner& learner, std::shared_ptr<const Dataset> train,
          const MakeOptimizer& optimizer, LearningRate lr);
  ~Trainer();

  // Called after each step; may call evaluate(), save() and stop().
  std::function<void(const StepReport&)> on_step;

  // Trains until options.steps, or until stop() is called or `should_stop` says so between two steps. True when all
  // steps were done. Throws NonFiniteError when the loss is not finite: the step is played again under the watch, which
  // names operation and module.
  bool run(const std::function<bool()>& should_stop = {});
  StepReport step();
  void stop() { stopped_ = true; }

  // Metrics over a whole set, or its first `samples`; nothing is recorded and dropout is off.
  std::vector<NamedValue> evaluate(const Dataset& set, std::int64_t samples = 0);

  // A checkpoint of this instant. `config` is a fingerprint that resume() compares; numbers are the caller's to keep.
  void save(const std::filesystem::path& folder, const std::string& config = {},
            const std::map<std::string, double>& numbers = {});
  // Goes on where the checkpoint was made. Throws Error where it does not fit. Returns the caller's numbers.
  std::map<std::string, double> resume(const std::filesystem::path& folder, const std::string& config = {});

  std::int64_t steps_done() const { return done_; }
  Parameters& parameters() { return parameters_; }
  const Tensor& gradients() const { return runner_.gradients(); }  // of the last step, before clipping
  std::size_t peak_bytes() const { return runner_.peak_bytes(); }
  std::string weights_hash() const;

 private:
  Index shard_size() const;
  Index shard_count(const Batch& batch) const;
  Batch shard_of(const Batch& batch, Index shard) const;
  ShardResult run_shards(const Batch& batch);
  void start_loader();

  TrainerOptions options_;
  Learner& learner_;
  std::shared_ptr<const Dataset> train_;
  LearningRate lr_;
  Rng rng_;
  Parameters parameters_;
  std::vector<Segment> segments_;
  std::unique_ptr<Optimizer> optimizer_;
  ShardRunner runner_;
  Sampler sampler_;
  std::unique_ptr<Loader> loader_;
  std::int64_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace tempera
