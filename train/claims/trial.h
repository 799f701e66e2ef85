// A claim on trial: its runs planned, and judged when they are done.
//
//   ClaimTrial trial("configs/grokking/stablemax.yaml", {});
//   Ledger ledger(trial.folder("runs"), trial.plan());
//   ledger.run(...);
//   const ClaimRow row = trial.judge(ledger);
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/claims/claim_row.h"
#include "train/claims/experiment_file.h"
#include "train/ledger/ledger.h"

namespace tempera {

struct TrialOptions {
  bool quick = false;  // the settings of `quick:`, and at most three seeds
  int seeds = 0;       // the first so many of 1, 2, ... in place of the claim's; 0: the claim's
};

class ClaimTrial {
 public:
  // Builds every variant once: data, model and the names of its metrics are right before anything runs. Throws
  // ConfigError, DataError, SetupError; Error where the file carries no claim.
  ClaimTrial(std::filesystem::path config, const TrialOptions& options);

  std::string name() const { return config_.stem().string(); }
  const ExperimentFile& file() const { return file_; }
  const std::vector<std::uint64_t>& seeds() const { return seeds_; }
  // runs/claims/<name>, with "-quick" behind it where that is so
  std::filesystem::path folder(const std::filesystem::path& runs) const;

  const std::vector<PlannedRun>& plan() const { return plan_; }
  // From the finished runs of the ledger; a run that failed has no value.
  ClaimRow judge(const Ledger& ledger) const;

 private:
  std::filesystem::path config_;
  TrialOptions options_;
  ExperimentFile file_;
  std::vector<std::uint64_t> seeds_;
  std::vector<PlannedRun> plan_;
};

// What a finished run says about the quantity of an expectation.
Observed observe(const Expectation& expectation, const std::filesystem::path& run);

}  // namespace tempera
