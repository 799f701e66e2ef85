// A run in its folder: an experiment trained, with logs, progress, evaluation, checkpoints, samples and report.
//
//   Experiment experiment(options);
//   run_experiment(experiment, console, origins, RunStart::fresh);
#pragma once

#include "train/config/read_config.h"
#include "train/experiment.h"
#include "train/output/console.h"
#include "train/output/run_folder.h"

namespace tempera {

enum class RunEnd { done, stopped };

// Where a run speaks. What it ends with goes to `results`, all else to `progress`; both may be one.
struct RunScreens {
  Console& progress;
  Console& results;
  RunScreens(Console& both) : RunScreens(both, both) {}
  RunScreens(Console& progress_, Console& results_) : progress(progress_), results(results_) {}
};

// Trains in <folder>/<name>/. RunStart::resume goes on from `checkpoint`, or where that is empty from the newest
// complete one, or where there is none begins. Of several ranks only the first writes and speaks. Where somebody asked
// to stop (StopSignals), the run saves, says so, and returns `stopped`. Throws SetupError where the folder is taken or
// holds a run of another configuration, DataError, NonFiniteError, CheckpointError.
RunEnd run_experiment(Experiment& experiment, RunScreens screens, const Origins& origins, RunStart start,
                      const std::filesystem::path& checkpoint = {});

}  // namespace tempera
