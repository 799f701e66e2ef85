// Ctrl-C, SIGTERM and SIGUSR1 as a question: has somebody asked to stop? The last is what mpirun passes on to all ranks
// and what Slurm sends ahead of a time limit.
#pragma once

namespace tempera {

// While one lives, the first of them only sets a flag, so that the run can save and leave; a second one ends
// the process at once, as without it. One at a time.
class StopSignals {
 public:
  // With `at_once` a signal ends the process with exit code 130 until hold() is called: nothing is there to be saved.
  explicit StopSignals(bool at_once = false);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static void hold();
  static bool asked();
};

}  // namespace tempera
