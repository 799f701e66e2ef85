// An experiment: everything that a configuration file says, and the parts that it describes. What trains them in a
// folder is train/run.h.
//
//   ExperimentOptions options;
//   read_config(load_config_text("configs/quickstart.yaml"), {}, options);
//   Experiment experiment(options);
//   experiment.trainer().run();
#pragma once

#include <memory>
#include <string>

#include "data/source.h"
#include "train/model_learner.h"
#include "train/trainer.h"

namespace tempera {

struct EvaluationOptions : Options {
  std::int64_t every = 200;
  std::int64_t samples = 512;
  void describe(Fields& f) override;
};

struct CheckpointOptions : Options {
  std::int64_t every = 500;
  std::int64_t keep = 2;
  void describe(Fields& f) override;
};

struct SamplingOptions : Options {
  std::string prompt = "\n";
  std::int64_t tokens = 0;
  double temperature = 0.8;
  void describe(Fields& f) override;
};

struct ExperimentOptions : Options {
  std::string name = "run";
  std::string folder = "runs";
  Choice data, model, attention, head, optimizer, schedule;
  double lr = 1e-3;
  TrainerOptions train;
  EvaluationOptions evaluate;
  CheckpointOptions checkpoint;
  SamplingOptions sample;
  std::int64_t baseline = 0;

  ExperimentOptions();
  void describe(Fields& f) override;
};

class Experiment {
 public:
  // Reads the data and builds model and trainer. `options` must outlive the experiment.
  explicit Experiment(ExperimentOptions& options);
  ~Experiment();

  ExperimentOptions& options() { return options_; }
  ModelLearner& learner() { return *learner_; }
  Trainer& trainer() { return *trainer_; }
  const DataSource& data() const { return *data_; }
  // Data, model and plan as text.
  std::string plan();

  // Text that the model writes after `prompt`, a token at a time, drawn with this temperature; 0 takes the likeliest.
  std::string generate(std::string_view prompt, std::int64_t tokens, double temperature, std::uint64_t seed);

 private:
  ExperimentOptions& options_;
  std::unique_ptr<DataSource> data_;
  std::unique_ptr<ModelLearner> learner_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace tempera
