// evaluate RUN: the metrics of a trained model on its sets.
#include "apps/support/exit_code.h"
#include "apps/support/table.h"
#include "core/grouped.h"
#include "train/open_run.h"

using namespace tempera;

namespace {

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
};

std::shared_ptr<const Dataset> set_of(const DataSource& data, const std::string& split) {
  return split == "train" ? data.train : split == "valid" ? data.valid : data.test;
}

Evaluated evaluate(Experiment& experiment, const std::string& split, std::int64_t samples) {
  const std::shared_ptr<const Dataset> set = set_of(experiment.data(), split);
  if (!set) blame<DataError>([&] { fail("evaluate", "the data have no part '{}'", split); });
  const std::int64_t count = samples > 0 ? std::min(samples, set->size()) : set->size();
  return {split, count, experiment.trainer().evaluate(*set, count)};
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
    for (const Evaluated& e : all) row.push_back(*e.metrics.find(metric.name));
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
  }
  return json;
}

int run(Arguments& arguments) {
  const OpenRun opened = open_run(arguments.run, arguments.open);
  Experiment& experiment = *opened.experiment;
  if (arguments.splits.empty())
    for (const char* split : {"valid", "test"})
      if (set_of(experiment.data(), split)) arguments.splits.emplace_back(split);
  if (arguments.splits.empty()) arguments.splits.emplace_back("train");
  std::vector<Evaluated> all;
  for (const std::string& split : arguments.splits) all.push_back(evaluate(experiment, split, arguments.samples));
  if (arguments.json) std::printf("%s\n", json_of(opened, all).dump(2).c_str());
  else std::fputs(table_of(opened.title(), all).text().c_str(), stdout);
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures a trained model on the sets of its run.", "evaluate");
  app.footer(
      "Examples:\n"
      "  evaluate runs/characters\n"
      "  evaluate quickstart --split test --checkpoint last\n"
      "  evaluate characters --split train --samples 512 --json\n"
      "  evaluate characters data.path=letters.txt --split test");
  Arguments arguments;
  app.add_option("RUN", arguments.run, "folder or name of a run, a checkpoint's folder, or a .safetensors file")
      ->required();
  app.add_option("key.path=value", arguments.open.overrides, "settings that replace those of the run");
  app.add_option("--split", arguments.splits, "train, valid or test; several may be given; default: valid and test")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->delimiter(',')
      ->expected(1);
  app.add_option("--checkpoint", arguments.open.checkpoint, "best, last, a step, or the path of one; default: best");
  app.add_option("--samples", arguments.samples, "only the first so many of each set; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", arguments.json, "print JSON in place of a table");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
