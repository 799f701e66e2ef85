// A trained run, opened to be asked: its configuration, data and model with the weights of a checkpoint.
//
//   OpenRun run = open_run("runs/characters", {});
//   run.experiment->trainer().evaluate(*run.experiment->data().test);
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "train/experiment.h"
#include "train/find_weights.h"

namespace tempera {

struct OpenOptions {
  // best | last | a step | the folder of a checkpoint or a .safetensors file; empty: the best where one is marked,
  // else the last.
  std::string checkpoint;
  std::vector<std::string> overrides;   // "key.path=value", laid over the run's configuration
  std::filesystem::path runs = "runs";  // where a run is looked for by its name
};

struct OpenRun : FoundWeights {
  std::unique_ptr<ExperimentOptions> options;
  std::unique_ptr<Experiment> experiment;
};

// `path` is a run's folder or name, a checkpoint's folder, or a .safetensors file with a config.yaml beside it or in
// the run it belongs to. Nothing is written. Throws SetupError where there is no run (with the nearest name) or no
// configuration, CheckpointError where there is no such checkpoint or it does not fit the configuration, and what
// reading configuration and data throw.
OpenRun open_run(const std::string& path, const OpenOptions& options);

}  // namespace tempera
