// What became of a claim: the row of the gallery, kept as a small file, docs/gallery/<name>.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/claims/verdict.h"

namespace tempera {

struct JudgedExpectation {
  std::string text;   // "test_accuracy of ssmax above softmax by 0.05"
  std::string paper;  // what the paper reports for it; may be empty
  std::string quantity, of, other;
  Verdict verdict;
};

// The values of one quantity and one variant, in the order of the seeds.
struct Measured {
  std::string quantity, variant;
  std::vector<Observed> values;
};

struct ClaimRow {
  std::string name;
  std::string config;  // "configs/grokking/stablemax.yaml"
  std::string claim, figure, source, note;
  std::string fingerprint;  // ExperimentFile::fingerprint of that time
  std::string code, date;   // version of Tempera; "2026-01-31"
  bool quick = false;
  std::vector<std::uint64_t> seeds = {};
  double seconds = 0;  // of all runs, one thread each
  std::vector<JudgedExpectation> expectations = {};
  std::vector<Measured> measured = {};
  std::vector<std::string> failures = {};  // "softmax-seed2: ..."
  std::vector<std::string> table = {};     // quantities to be listed for every one of `variants`
  std::vector<std::string> variants = {};

  // What was measured of a quantity and variant; null where nothing was.
  const Measured* find(std::string_view quantity, std::string_view variant) const;

  // holds where all hold, fails where one fails.
  Outcome outcome() const;
};

// Both throw Error with the path.
void write_row(const std::filesystem::path& file, const ClaimRow& row);
ClaimRow read_row(const std::filesystem::path& file);

// "0.912 ± 0.013", "1450" of a single seed, "-" without any.
std::string value_text(const MeanInterval& interval);

}  // namespace tempera
