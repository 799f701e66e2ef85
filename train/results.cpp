#include "train/results.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "data/files.h"
#include "train/attention_figures.h"
#include "train/continual/stream_report.h"
#include "train/experiment.h"
#include "train/findings.h"
#include "train/fourier_figures.h"

namespace tempera {
namespace {

constexpr const char* kFile = "results.json";

}  // namespace

std::string result_name(std::string_view split, std::string_view metric) {
  return fmt::format("{}{}{}", split, split.find('.') == split.npos ? '_' : '.', metric);
}

void set_result(Results& results, std::string name, double value) {
  const auto found = std::ranges::find(results, name, &Results::value_type::first);
  if (found == results.end()) results.emplace_back(std::move(name), value);
  else found->second = value;
}

const double* find_result(const Results& results, std::string_view name) {
  const auto found = std::ranges::find(results, name, &Results::value_type::first);
  return found == results.end() ? nullptr : &found->second;
}

Results last_values(std::span<const MetricRecord> records) {
  Results results;
  for (const MetricRecord& record : records)
    for (const auto& [name, value] : record.values) set_result(results, result_name(record.split, name), value);
  return results;
}

void write_results(const std::filesystem::path& folder, const Results& results) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : results) json[name] = value;  // not finite becomes null
  const std::string text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  replace_file(folder / kFile, std::as_bytes(std::span(text)));
}

bool has_results(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / kFile);
}

Results read_results(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kFile;
  require(std::filesystem::exists(path), "results", "{} is not there; only a finished run has it", path.string());
  const auto json = nlohmann::ordered_json::parse(read_text(path), nullptr, false);
  require(json.is_object(), "results", "{} is damaged: no JSON object", path.string());
  Results results;
  for (const auto& [name, value] : json.items()) {
    require(value.is_number() || value.is_null(), "results", "{} is damaged: '{}' is no number", path.string(), name);
    results.emplace_back(name, value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return results;
}

std::vector<std::string> result_names(Experiment& experiment) {
  constexpr std::int64_t kRehearsed = 2;  // samples
  const DataSource& data = experiment.data();
  std::vector<std::string> names;
  const auto add = [&](std::string_view split, const NamedValues& values, bool of_best) {
    for (const NamedValue& value : values) {
      names.push_back(result_name(split, value.name));
      if (of_best) names.push_back("best_" + names.back());
    }
  };
  const std::vector<double> sums(static_cast<std::size_t>(experiment.learner().sum_count()));
  add("train", experiment.learner().metrics(sums), false);
  add("train", {{"lr", 0}, {"gradient_norm", 0}, {"weight_norm", 0}, {"alignment", 0}}, false);
  add("train", FourierFigures(experiment).metrics(), false);
  for (const auto& [split, set] : {std::pair("valid", data.valid), std::pair("test", data.test)}) {
    if (!set) continue;
    const NamedValues values = experiment.trainer().evaluate(*set, kRehearsed);
    add(split, values, true);
    add(split, findings(experiment, *set, values, kRehearsed).metrics, false);
  }
  const auto add_compared = [&](std::string_view split, const Dataset& set) {
    add(split, attention_figures(experiment, set, kRehearsed), false);
    if (sequence_length(set.description())) add(split, {{"length", 0}}, false);
  };
  if (data.test && !experiment.further_tests().empty()) add_compared("test", *data.test);
  for (const FurtherTest& test : experiment.further_tests()) {
    add(test.split(), experiment.trainer().evaluate(*test.set, kRehearsed), true);
    add_compared(test.split(), *test.set);
  }
  if (const ContinualLearner* learner = experiment.continual()) {
    add("train", {{"method_loss", 0}}, false);
    for (const StreamFigures& figures : stream_figures(*learner, learner->tasks()))
      add(figures.split, figures.values, false);
  }
  for (const char* name : {"steps", "best_step", "seconds", "steps_per_second", "parameters", "peak_memory"})
    names.emplace_back(name);
  if (experiment.options().baseline > 0) names.emplace_back("baseline_loss");
  return names;
}

double peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

}  // namespace tempera
