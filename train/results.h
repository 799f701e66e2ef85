// What a run ended with, for programs: results.json in its folder, numbers by name.
//
//   train_loss, valid_accuracy, test_accuracy    the last recorded value of each part and metric
//   test.2x.accuracy                             of a further test set; train/further_tests.h
//   class_il_accuracy, task_il_forgetting        of a stream of tasks, after the last; train/continual/stream_report.h
//   best_valid_loss, best_test_accuracy          of the best checkpoint by the validation set, over whole sets; the
//                                                last weights where they are the best
//   steps, best_step, seconds, steps_per_second (evaluations included), parameters, peak_memory (bytes of the process),
//   baseline_loss
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/output/metrics_log.h"

namespace tempera {

class Experiment;

using Results = std::vector<std::pair<std::string, double>>;

// "test" and "accuracy" make "test_accuracy"; a part with a dot in its name is joined by one: "test.2x.accuracy".
std::string result_name(std::string_view split, std::string_view metric);
// The last value of every part and metric.
Results last_values(std::span<const MetricRecord> records);
// Sets the value of that name, behind the others where it is new.
void set_result(Results& results, std::string name, double value);
const double* find_result(const Results& results, std::string_view name);

// Values that are not finite are written null, and read as nan. Both throw Error with the path.
void write_results(const std::filesystem::path& folder, const Results& results);
Results read_results(const std::filesystem::path& folder);
bool has_results(const std::filesystem::path& folder);

// The names that a run of this experiment will end with: a rehearsal of its end on a few samples. Whoever lets runs
// record more adds it here, or claims about it are refused.
std::vector<std::string> result_names(Experiment& experiment);

// Most memory that this process has held so far, bytes.
double peak_memory();

}  // namespace tempera
