#include "train/open_run.h"

#include "train/checkpoint.h"
#include "train/config/read_config.h"
#include "train/errors.h"

namespace tempera {

OpenRun open_run(const std::string& path, const OpenOptions& options) {
  const FoundWeights found = find_weights(path, options.checkpoint, options.runs);
  OpenRun run{found, {}, {}};
  run.options = std::make_unique<ExperimentOptions>();
  read_config(load_config_text(found.config / "config.yaml"), options.overrides, *run.options);
  run.options->train.prefetch = 0;  // nobody trains: read no batches ahead
  run.experiment = std::make_unique<Experiment>(*run.options);
  blame<CheckpointError>([&] { load_weights(found.weights, run.experiment->trainer().parameters()); });
  return run;
}

}  // namespace tempera
