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
#include "train/continual/continual_learner.h"
#include "train/further_tests.h"
#include "train/generation.h"
#include "train/model_learner.h"
#include "train/start_from.h"
#include "train/trainer.h"

namespace tempera {

// Texts that the model writes now and then, or at the end.
struct SamplingOptions : GenerationOptions {
  std::string prompt = "\n";
  std::int64_t every = 0;
  SamplingOptions() { tokens = 0; }
  void describe(Fields& f) override;
};

struct ExperimentOptions : Options {
  std::string name = "run";
  std::string folder = "runs";
  Choice data, model, attention, cross_attention, head, optimizer, schedule, continual;
  double lr = 1e-3;
  StartOptions start_from;
  TrainerOptions train;
  SamplingOptions sample;
  std::int64_t baseline = 0;

  ExperimentOptions();
  void describe(Fields& f) override;
};

class Experiment {
 public:
  // Reads the data and builds model and trainer. `options` and `ranks` must outlive the experiment. Of several ranks
  // the first is ready before the others begin: what it writes into caches they find. Throws DataError, and SetupError
  // where the parts do not fit together.
  explicit Experiment(ExperimentOptions& options, Ranks& ranks = single_rank());
  ~Experiment();

  ExperimentOptions& options() { return options_; }
  ModelLearner& learner() { return *learner_; }
  Trainer& trainer() { return *trainer_; }
  // The learner, where it learns a stream of tasks; else null.
  const ContinualLearner* continual() const { return dynamic_cast<const ContinualLearner*>(learner_.get()); }
  // Of all tasks, where there are some.
  const DataSource& data() const { return *data_; }
  // Those of evaluate.tests.
  const std::vector<FurtherTest>& further_tests() const { return further_tests_; }
  // Data, model and plan as text.
  std::string plan();

  // The model as one that writes (train/generation.h): a language model, or one of sequence to sequence. Throws Error
  // for other tasks.
  LanguageModel language() const;

 private:
  void cut_into_tasks();
  void build();
  std::unique_ptr<ModelLearner> make_learner();
  void try_further_tests();

  ExperimentOptions& options_;
  Ranks& ranks_;
  std::unique_ptr<DataSource> data_;
  std::unique_ptr<TaskStream> stream_;  // until the learner has it
  std::vector<FurtherTest> further_tests_;
  std::unique_ptr<ModelLearner> learner_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace tempera
