// sweep CONFIG key=a,b,c seed=0..4: every combination of settings with every seed, in a ledger.
#include <cstdio>
#include <fstream>
#include <thread>

#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "apps/support/table.h"
#include "core/nearest.h"
#include "data/files.h"
#include "train/better.h"
#include "train/claims/experiment_file.h"
#include "train/fingerprint.h"
#include "train/ledger/child_process.h"
#include "train/ledger/file_lock.h"
#include "train/ledger/grid.h"
#include "train/ledger/ledger.h"
#include "train/output/interval.h"
#include "train/output/numbers.h"
#include "train/output/report.h"
#include "train/results.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

struct Arguments {
  fs::path config, runs = "runs";
  std::vector<std::string> grid, metrics;
  std::string share;
  bool quick = false;
  LedgerOptions ledger;
};

std::vector<PlannedRun> planned(const Arguments& arguments, const ExperimentFile& file, const Grid& grid) {
  std::vector<PlannedRun> runs;
  for (const std::uint64_t seed : grid.seeds)
    for (const GridCell& cell : grid.cells) {
      ExperimentOptions options;
      const std::string variant = cell.variant.empty() ? std::string(kOwn) : cell.variant;
      file.fill(options, cell.overrides(), variant, arguments.quick);
      options.train.seed = seed;
      PlannedRun run{cell.name(), seed, fingerprint(options), options.train.steps, {arguments.config.string()}};
      for (const std::string& setting : cell.overrides()) run.arguments.push_back(setting);
      if (variant != kOwn) run.arguments.insert(run.arguments.end(), {"--variant", variant});
      if (arguments.quick) run.arguments.emplace_back("--quick");
      runs.push_back(std::move(run));
    }
  return runs;
}

// Those that were asked for; else what the test set says, or the validation set where there is none. Builds the first
// cell, so that what is wrong with data and model is told before anything runs.
std::vector<std::string> metrics_of(const Arguments& arguments, const ExperimentFile& file, const Grid& grid) {
  ExperimentOptions options;
  const GridCell& cell = grid.cells.front();
  file.fill(options, cell.overrides(), cell.variant.empty() ? kOwn : std::string_view(cell.variant), arguments.quick);
  options.train.prefetch = 0;
  Experiment experiment(options);
  const std::vector<std::string> names = result_names(experiment);
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& wanted : arguments.metrics)
    if (std::ranges::find(known, wanted) == known.end())
      throw ConfigError({{"command line", 0, 0,
                          fmt::format("there will be no metric `{}`{} known metrics: {}", wanted,
                                      did_you_mean(wanted, known), fmt::join(known, ", "))}});
  if (!arguments.metrics.empty()) return arguments.metrics;
  std::vector<std::string> chosen;
  for (const char* split : {"test", "valid", "train"}) {
    for (const std::string& name : names)
      if (name.starts_with(split) && better(name) != Better::unknown) chosen.push_back(name);
    if (!chosen.empty()) break;
  }
  return chosen;
}

std::vector<const LedgerRow*> rows_of(const Ledger& ledger, const GridCell& cell) {
  std::vector<const LedgerRow*> rows;
  for (const LedgerRow& row : ledger.rows())
    if (row.run.group == cell.name()) rows.push_back(&row);
  return rows;
}

MeanInterval interval_of(const Ledger& ledger, const GridCell& cell, const std::string& metric) {
  std::vector<double> values;
  for (const LedgerRow* row : rows_of(ledger, cell)) {
    if (row->state != RunState::finished) continue;
    const Results results = read_results(ledger.path(*row));
    const double* value = find_result(results, metric);
    if (value != nullptr && std::isfinite(*value)) values.push_back(*value);
  }
  return mean_interval(values);
}

Table table_of(const Ledger& ledger, const Grid& grid, const std::vector<std::string>& metrics) {
  std::vector<Table::Column> columns;
  for (const std::string& key : grid.keys) columns.push_back({key});
  columns.push_back({"seeds"});
  for (const std::string& metric : metrics) columns.push_back({metric});
  Table table(ledger.summary(), std::move(columns));
  for (const GridCell& cell : grid.cells) {
    std::vector<Cell> row;
    for (const auto& [key, value] : cell.settings) row.push_back(value);
    const auto rows = rows_of(ledger, cell);
    row.push_back(static_cast<std::int64_t>(std::ranges::count(rows, RunState::finished, &LedgerRow::state)));
    for (const std::string& metric : metrics) {
      const MeanInterval interval = interval_of(ledger, cell, metric);
      const MeanText text = mean_text(interval.mean, interval.half);
      row.push_back(interval.n == 0 ? "-" : text.half.empty() ? text.mean : text.mean + " ± " + text.half);
    }
    table.add(std::move(row));
  }
  return table;
}

// A line for each run, all its results behind its settings.
nlohmann::ordered_json json_of(const Ledger& ledger, const Grid& grid) {
  auto runs = nlohmann::ordered_json::array();
  for (const GridCell& cell : grid.cells)
    for (const LedgerRow* row : rows_of(ledger, cell)) {
      nlohmann::ordered_json run{{"run", row->run.name()}};
      for (const auto& [key, value] : cell.settings) run[key] = value;
      run["seed"] = row->run.seed;
      run["state"] = to_string(row->state);
      run["reason"] = row->reason;
      if (row->state == RunState::finished)
        for (const auto& [name, value] : read_results(ledger.path(*row))) run[name] = value;
      runs.push_back(std::move(run));
    }
  return runs;
}

std::string csv_of(const nlohmann::ordered_json& runs) {
  std::vector<std::string> columns;
  for (const auto& run : runs)
    for (const auto& [name, value] : run.items())
      if (std::ranges::find(columns, name) == columns.end()) columns.push_back(name);
  const auto field = [](std::string text) {
    if (text.find_first_of(",\"\n") == text.npos) return text;
    for (std::size_t at = text.find('"'); at != text.npos; at = text.find('"', at + 2)) text.insert(at, 1, '"');
    return '"' + text + '"';
  };
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));
  for (const auto& run : runs) {
    std::string line;
    for (const std::string& name : columns) {
      const auto value = run.value(name, nlohmann::ordered_json());
      line += (&name == columns.data() ? "" : ",") + field(value.is_string() ? value.get<std::string>()
                                                           : value.is_null() ? ""
                                                                             : value.dump());
    }
    text += line + "\n";
  }
  return text;
}

void write(const fs::path& file, const std::string& text) {
  replace_file(file, std::as_bytes(std::span(text)));
}

int run(Arguments& arguments) {
  if (!arguments.share.empty()) arguments.ledger.share = read_share(arguments.share);
  const Grid grid = read_grid(arguments.grid);
  const ExperimentFile file(arguments.config);
  const std::vector<std::string> metrics = metrics_of(arguments, file, grid);
  const StopSignals signals;
  Console progress(stderr);
  arguments.ledger.train = program_beside("train");
  const fs::path folder =
      arguments.runs / "sweeps" / (arguments.config.stem().string() + (arguments.quick ? "-quick" : ""));
  Ledger ledger(folder, planned(arguments, file, grid));
  progress.line(fmt::format("{}  {}", folder.string(), ledger.summary()));
  const bool done = ledger.run(arguments.ledger, progress);
  std::fputs(table_of(ledger, grid, metrics).text().c_str(), stdout);
  bool all = true;
  std::vector<fs::path> finished;
  ReportOptions report{.title = arguments.config.stem().string()};
  for (const LedgerRow& row : ledger.rows()) {
    all = all && (row.state == RunState::finished || row.state == RunState::elsewhere);
    if (row.state == RunState::finished) finished.push_back(ledger.path(row));
    if (row.state != RunState::failed) continue;
    report.warnings.push_back(fmt::format("{} failed: {}", row.run.name(), row.reason));
    std::printf("failed  %s  %s\n", row.run.name().c_str(), row.reason.c_str());
  }
  const FileLock one_at_a_time(folder / "ledger.lock", FileLock::Wait::yes);
  const auto json = json_of(ledger, grid);
  write(folder / "sweep.json", json.dump(2) + "\n");
  write(folder / "sweep.csv", csv_of(json));
  if (!finished.empty()) {
    write(folder / "report.html", report_page(finished, report));
    std::printf("report %s\n", (folder / "report.html").c_str());
  }
  if (ledger.count(RunState::elsewhere) > 0)
    progress.line("runs are with other processes; the last of them to end leaves the whole table");
  if (!done) progress.line("stopped and saved; the same command goes on");
  return !done ? kInterrupted : all ? kDone : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Trains a configuration with every combination of settings and every seed, in runs/sweeps/<name>/. What is\n"
      "finished is not done again, what was stopped goes on, what failed keeps its reason. Leaves sweep.csv,\n"
      "sweep.json and report.html there, and prints the mean of each setting with a 95 % interval over the seeds.",
      "sweep");
  app.footer(
      "Exit codes: 0 all runs are done, 1 some failed, 2 configuration, 3 data, 130 stopped and saved.\n"
      "Examples:\n"
      "  sweep configs/vision/digits-mlp.yaml lr=1e-3,3e-3,1e-2 seed=0..4\n"
      "  sweep configs/grokking/weight-decay.yaml variant=decay,none data.train=0.3,0.4 seed=1,2 --jobs 2\n");
  Arguments arguments;
  arguments.ledger.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  app.add_option("CONFIG", arguments.config, "YAML file")->required()->type_name("");
  app.add_option("key.path=VALUES", arguments.grid, "a,b,c or 0..4; `seed` and `variant` are keys too")->type_name("");
  app.add_option("--metric", arguments.metrics, "what the table shows; default: all of the test set")
      ->delimiter(',')
      ->expected(1)
      ->type_name("NAME");
  app.add_flag("--quick", arguments.quick, "lay the section `quick` of CONFIG over it");
  number_option(app, "--jobs", arguments.ledger.jobs, "runs at a time, each on one thread", CLI::Range(1, 1024));
  app.add_option("--share", arguments.share,
                 "do every N-th run from the I-th alone; without it several processes share the runs as they come")
      ->type_name("I/N");
  app.add_flag("--retry", arguments.ledger.retry, "do runs again that failed");
  app.add_option("--runs", arguments.runs, "where runs are")->capture_default_str()->type_name("FOLDER");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
