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

// Trains in <folder>/<name>/. RunStart::resume goes on from the newest complete checkpoint. Stopped by a signal, the
// run saves and says so.
RunEnd run_experiment(Experiment& experiment, Console& console, const Origins& origins, RunStart start);

}  // namespace tempera
