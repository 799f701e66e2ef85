// A ledger of runs: a list of runs to be done, in one folder, and what became of each.
//
//   runs/ssmax/ledger.json           the list, with state and reason
//   runs/ssmax/softmax-seed1/        a run as any other
//   runs/ssmax/softmax-seed1.said    what its process said; whoever does the run holds this file
//
// Every run is a process of its own (`train`), with one thread, as many at a time as there are jobs. A finished run
// with the same fingerprint is not done again, one that was stopped goes on from its checkpoint, one that failed keeps
// its reason while the others go on; so does one that was to start from it. Whether a run is finished is read from its
// own folder, so a ledger that is lost or cut costs nothing but reasons. Several processes, on one machine or on many
// that share the folder, may work on one ledger: each takes the next run that nobody has.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
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

// elsewhere: another process does it, or shall.
enum class RunState { waiting, running, finished, failed, stopped, elsewhere };
std::string_view to_string(RunState state);

struct LedgerRow {
  PlannedRun run;
  RunState state = RunState::waiting;
  std::string reason = {};  // of a failure
  double seconds = 0;       // that a finished run took, by its own clock
};

// Which runs are done here: every count-th, from number `index` = 1 .. count. For folders that know no locks.
struct LedgerShare {
  std::int64_t index = 1, count = 1;
};
// "2/8"; throws ConfigError for what is none.
LedgerShare read_share(const std::string& text);

struct LedgerOptions {
  int jobs = 1;
  LedgerShare share;
  bool retry = false;           // do failed runs again
  std::filesystem::path train;  // the program
  double line_seconds = 30;     // between lines of progress where there is no terminal
};

class Ledger {
 public:
  // Reads what is there. Throws Error where two runs have one name, or where its file is damaged.
  Ledger(std::filesystem::path folder, std::vector<PlannedRun> runs);

  // Does what is to be done and what nobody else does. False where somebody asked to stop (StopSignals): then runs have
  // saved and left.
  bool run(const LedgerOptions& options, Console& console);

  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<LedgerRow>& rows() const { return rows_; }
  std::filesystem::path path(const LedgerRow& row) const { return folder_ / row.run.name(); }
  std::int64_t count(RunState state) const;
  // "4 of 6 runs done, 1 failed, 1 with another process"
  std::string summary() const;

 private:
  void refresh(std::span<LedgerRow> rows) const;
  enum class Known { replace, keep };
  void write(const std::vector<const LedgerRow*>& rows, Known known = Known::replace) const;
  bool is_finished(const LedgerRow& row) const;

  std::filesystem::path folder_;
  std::vector<LedgerRow> rows_;
};

}  // namespace tempera
