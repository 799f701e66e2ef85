// evaluate RUN: the metrics of a trained model on its sets.
#include <cmath>

#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "apps/support/table.h"
#include "train/attention_figures.h"
#include "train/findings.h"
#include "train/open_run.h"

using namespace tempera;

namespace {

constexpr std::size_t kShown = 20;  // classes of a confusion matrix that a screen holds

struct Arguments {
  std::string run;
  std::vector<std::string> splits;
  std::int64_t samples = 0;
  bool json = false;
  OpenOptions open;
};

struct Evaluated {
  std::string split;
  std::int64_t samples = 0;
  NamedValues metrics;
  std::optional<LabelledMatrix> confusion;
};

// Null where the run has no such set.
std::shared_ptr<const Dataset> set_of(const Experiment& experiment, const std::string& split) {
  const DataSource& data = experiment.data();
  if (split == "train") return data.train;
  if (split == "valid") return data.valid;
  if (split == "test") return data.test;
  for (const FurtherTest& test : experiment.further_tests())
    if (split == test.split()) return test.set;
  return nullptr;
}

[[noreturn]] void no_set(const Experiment& experiment, const std::string& split) {
  std::string known;
  for (const char* part : {"train", "valid", "test"})
    if (set_of(experiment, part)) known += fmt::format("{}{}", known.empty() ? "" : ", ", part);
  for (const FurtherTest& test : experiment.further_tests()) known += ", " + test.split();
  fail("evaluate", "the run has no set '{}'; it has {}", split, known);
}

// As a run calls them in its report.
std::string title_of(const std::string& split) {
  if (split.starts_with("test.")) return "test set " + split.substr(5);
  return split == "train" ? "training set" : split == "valid" ? "validation set" : "test set";
}

Evaluated evaluate(Experiment& experiment, const std::string& split, std::int64_t samples) {
  const std::shared_ptr<const Dataset> set = set_of(experiment, split);
  if (!set) blame<DataError>([&] { no_set(experiment, split); });
  const std::int64_t count = samples > 0 ? std::min(samples, set->size()) : set->size();
  Evaluated e{split, count, experiment.trainer().evaluate(*set, count), {}};
  Findings found = findings(experiment, *set, e.metrics, count);
  for (const NamedValue& metric : found.metrics) e.metrics.push_back(metric);
  if (!experiment.further_tests().empty())
    for (const NamedValue& metric : attention_figures(experiment, *set)) e.metrics.push_back(metric);
  e.confusion = std::move(found.confusion);
  return e;
}

// A line for each metric, a column for each split.
Table table_of(const std::string& title, const std::vector<Evaluated>& all) {
  std::vector<Table::Column> columns{{"metric"}};
  for (const Evaluated& e : all) columns.push_back({e.split});
  Table table(title, std::move(columns));
  std::vector<Cell> samples{"samples"};
  for (const Evaluated& e : all) samples.push_back(e.samples);
  table.add(std::move(samples));
  for (const NamedValue& metric : all.front().metrics) {
    std::vector<Cell> row{std::string(metric.name)};
    for (const Evaluated& e : all) {
      const double* value = e.metrics.find(metric.name);
      row.push_back(value ? *value : std::nan(""));
    }
    table.add(std::move(row));
  }
  return table;
}

// What is, down; what the model says, across; and the share of each line that is right.
Table confusion_table(const std::string& split, const LabelledMatrix& counts) {
  std::vector<Table::Column> columns{{"is"}};
  for (const std::string& answer : counts.columns) columns.push_back({answer});
  columns.push_back({"right", "{:.3f}"});
  Table table(fmt::format("\n{}: answers", split), std::move(columns));
  for (std::size_t i = 0; i < counts.rows.size(); ++i) {
    std::vector<Cell> row{counts.rows[i]};
    double total = 0;
    for (std::size_t j = 0; j < counts.columns.size(); ++j) {
      const double count = counts.values[i * counts.columns.size() + j];
      row.push_back(static_cast<std::int64_t>(count));
      total += count;
    }
    row.push_back(counts.values[i * counts.columns.size() + i] / total);
    table.add(std::move(row));
  }
  return table;
}

nlohmann::ordered_json json_of(const OpenRun& run, const std::vector<Evaluated>& all) {
  nlohmann::ordered_json json{{"run", run.folder.string()}, {"weights", run.weights.string()}};
  if (run.step) json["step"] = *run.step;
  for (const Evaluated& e : all) {
    nlohmann::ordered_json& split = json["splits"][e.split];
    split["samples"] = e.samples;
    for (const NamedValue& metric : e.metrics) split[std::string(metric.name)] = metric.value;
    if (e.confusion)
      split["confusion"] = {
          {"rows", e.confusion->rows}, {"columns", e.confusion->columns}, {"values", e.confusion->values}};
  }
  return json;
}

int run(Arguments& arguments) {
  const OpenRun opened = open_run(arguments.run, arguments.open);
  Experiment& experiment = *opened.experiment;
  const bool by_default = arguments.splits.empty();
  if (by_default)
    for (const char* split : {"valid", "test"})
      if (set_of(experiment, split)) arguments.splits.emplace_back(split);
  if (by_default)
    for (const FurtherTest& test : experiment.further_tests()) arguments.splits.push_back(test.split());
  if (arguments.splits.empty()) arguments.splits.emplace_back("train");
  std::vector<Evaluated> all;
  for (const std::string& split : arguments.splits) all.push_back(evaluate(experiment, split, arguments.samples));
  // The report shows what the run's own configuration gives on whole sets.
  const bool for_report = opened.step && !opened.folder.empty() && arguments.open.overrides.empty();
  for (const Evaluated& e : all)
    if (e.confusion && for_report && arguments.samples == 0)
      RunFolder(opened.folder, RunStart::resume).write_confusion(title_of(e.split), *opened.step, *e.confusion);
  if (arguments.json) {
    std::printf("%s\n", json_of(opened, all).dump(2).c_str());
    return kDone;
  }
  std::fputs(table_of(opened.title(), all).text().c_str(), stdout);
  for (const Evaluated& e : all)
    if (e.confusion && e.confusion->rows.size() <= kShown)
      std::fputs(confusion_table(e.split, *e.confusion).text().c_str(), stdout);
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Measures a trained model on the sets of its run. Of classes it also shows which are taken for which; where the\n"
      "run is measured as it is, without settings of one's own and on whole sets, its report shows that from then on.",
      "evaluate");
  app.footer(
      "Examples:\n"
      "  evaluate runs/quickstart\n"
      "  evaluate quickstart --split test --checkpoint last\n"
      "  evaluate quickstart --split train --samples 512 --json\n"
      "  evaluate quickstart data.path=letters.txt --split test\n");
  Arguments arguments;
  app.add_option("RUN", arguments.run, "folder or name of a run, a checkpoint's folder, or a .safetensors file")
      ->required()
      ->type_name("");
  app.add_option("key.path=value", arguments.open.overrides, "settings that replace those of the run")->type_name("");
  app.add_option("--split", arguments.splits,
                 "train, valid, test or test.NAME; several may be given; default: all but train")
      ->delimiter(',')
      ->expected(1)
      ->type_name("SPLIT");
  app.add_option("--checkpoint", arguments.open.checkpoint, "best, last, a step, or the path of one; default: best")
      ->type_name("WHICH");
  number_option(app, "--samples", arguments.samples, "only so many of each set, spread evenly over it; 0: all",
                CLI::NonNegativeNumber);
  app.add_flag("--json", arguments.json, "print JSON in place of a table");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
