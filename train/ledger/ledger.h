// A ledger of runs: a list of runs to be done, in one folder, and what became of each.
//
//   runs/ssmax/ledger.json           the list, with state and reason
//   runs/ssmax/softmax-seed1/        a run as any other
//   runs/ssmax/softmax-seed1.said    what its process said
//
// Every run is a process of its own (`train`), with one thread, as many at a time as there are jobs. A finished run
// with the same fingerprint is not done again, one that was stopped goes on from its checkpoint, one that failed keeps
// its reason while the others go on; so does one that was to start from it. Whether a run is finished is read from its
// own folder, so a ledger that is lost or cut costs nothing but reasons.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/output/console.h"

namespace tempera {

// A run to be done.
struct PlannedRun {
  std::string group;  // runs that differ only by their seed
  std::uint64_t seed = 0;
  std::string fingerprint = {};             // train/fingerprint.h
  std::int64_t steps = 0;                   // for the progress
  std::vector<std::string> arguments = {};  // of train, beside seed, threads and place
  std::string after = {};                   // the name of a run of the ledger that must be finished before
  std::string name() const;                 // "softmax-seed1"
};

enum class RunState { waiting, running, finished, failed, stopped };
std::string_view to_string(RunState state);

struct LedgerRow {
  PlannedRun run;
  RunState state = RunState::waiting;
  std::string reason = {};  // of a failure
  double seconds = 0;       // that a finished run took, by its own clock
};

struct LedgerOptions {
  int jobs = 1;
  bool retry = false;           // do failed runs again
  std::filesystem::path train;  // the program
  double line_seconds = 30;     // between lines of progress where there is no terminal
};

class Ledger {
 public:
  // Reads what is there. Throws Error where another process works on this ledger, where two runs have one name, or
  // where its file is damaged.
  Ledger(std::filesystem::path folder, std::vector<PlannedRun> runs);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Does what is to be done. False where somebody asked to stop (StopSignals): then runs have saved and left.
  bool run(const LedgerOptions& options, Console& console);

  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<LedgerRow>& rows() const { return rows_; }
  std::filesystem::path path(const LedgerRow& row) const { return folder_ / row.run.name(); }
  // "4 done, 1 failed, 1 to do"
  std::string summary() const;

 private:
  void read();
  void write() const;
  bool is_finished(const LedgerRow& row) const;

  std::filesystem::path folder_;
  std::vector<LedgerRow> rows_;
  int lock_ = -1;
};

}  // namespace tempera
