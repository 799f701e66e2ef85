// What a report says, before it has a form: runs, groups of runs that differ only by their seed, curves, figures.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/better.h"
#include "train/output/interval.h"
#include "train/output/metrics_log.h"
#include "train/output/run_folder.h"

namespace tempera {

struct ReportRun {
  std::filesystem::path folder;
  RunIdentity identity;
  std::string config_text;
  std::vector<std::pair<std::string, std::string>> config;  // dotted keys in the order of the file
  std::vector<MetricRecord> records;
};
// Files that are missing leave their part empty; damaged ones are Errors.
ReportRun read_run(const std::filesystem::path& folder);
// Folders that hold a metrics.jsonl: the given ones, or, of a folder that is no run, all below it in order of name.
// Throws Error when there is none.
std::vector<std::filesystem::path> find_runs(std::span<const std::filesystem::path> given);

// "a: {b: [1, 2]}" becomes {"a.b", "[1, 2]"}. Throws Error when the text is no YAML.
std::vector<std::pair<std::string, std::string>> flat_config(std::string_view yaml, std::string_view source);

// Runs with one configuration but for the seed and the name.
struct ReportGroup {
  std::string name;
  std::vector<std::size_t> runs;
};
std::vector<ReportGroup> group_runs(std::span<const ReportRun> runs);

// Keys on which groups disagree, with a value for each group ("" where the key is missing).
struct Difference {
  std::string key;
  std::vector<std::string> values;
};
std::vector<Difference> differences(std::span<const ReportRun> runs, std::span<const ReportGroup> groups);

// A metric over the steps: mean over the runs of a group, with a 95 % interval where two or more are there.
// At a step where a run has no record it is interpolated linearly between its neighbours; it takes no part before its
// first record and after its last. Values that are not finite are left out.
struct Curve {
  std::size_t group = 0;
  std::string metric, split;
  std::vector<double> step, mean, half;  // half is nan for a single run
};
Curve group_curve(std::span<const ReportRun> runs, const ReportGroup& group, std::string_view metric,
                  std::string_view split);
// At most about `points` of them: the first, the last, and of each stretch between the lowest and the highest mean.
Curve thinned(const Curve& curve, std::size_t points);

// One line of the summary: what a group reached.
struct Reached {
  MeanInterval best, last;  // best is that of `better`; the last record's value where nothing is better
  double best_step = 0;     // mean over the runs
};
Reached reached(std::span<const ReportRun> runs, const ReportGroup& group, std::string_view metric,
                std::string_view split);

// Metrics and their splits as they occur: "loss" first, then those with a better direction, then the others.
std::vector<std::string> metric_names(std::span<const ReportRun> runs);
std::vector<std::string> splits_of(std::span<const ReportRun> runs, std::string_view metric);

// "valid loss of seed-2 became nan at step 320", for each run, metric and split the first time.
std::vector<std::string> not_finite(std::span<const ReportRun> runs);

}  // namespace tempera
