// Ctrl-C and SIGTERM as a question: has somebody asked to stop?
#pragma once

namespace tempera {

// While one lives, the first SIGINT or SIGTERM only sets a flag, so that the run can save and leave; a second one ends
// the process at once, as without it. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static bool asked();
};

}  // namespace tempera
