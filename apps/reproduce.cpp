// reproduce NAME...: runs claims with their baselines and seeds, and tells which of their expectations hold.
#include <cstdio>
#include <map>
#include <thread>

#include "apps/support/exit_code.h"
#include "apps/support/number_option.h"
#include "apps/support/table.h"
#include "data/files.h"
#include "train/claims/gallery.h"
#include "train/claims/picture.h"
#include "train/claims/trial.h"
#include "train/ledger/child_process.h"
#include "train/output/numbers.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

struct Arguments {
  std::vector<std::string> names;
  bool all = false, list = false, page = false, no_gallery = false;
  fs::path configs = "configs", docs = "docs", runs = "runs";
  TrialOptions trial;
  LedgerOptions ledger;
};

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  replace_file(file, std::as_bytes(std::span(text)));
}

void write_page(const Arguments& arguments) {
  write(arguments.docs / "gallery.md", gallery_page(read_rows(arguments.docs / "gallery"), "."));
}

int list(const Arguments& arguments) {
  Table table("", {{"claim"}, {"verdict"}, {"runs"}, {"says"}});
  const std::vector<ClaimRow> rows = read_rows(arguments.docs / "gallery");
  for (const fs::path& path : find_claims(arguments.configs)) {
    const ExperimentFile file(path);
    const auto row = std::ranges::find(rows, path.stem().string(), &ClaimRow::name);
    std::string verdict = "-";
    if (row != rows.end())
      verdict = fmt::format("{}{}", to_string(row->outcome()), stale(*row, ".").empty() ? "" : " (stale)");
    table.add({path.stem().string(), verdict,
               static_cast<std::int64_t>(file.claim().variants.size() * file.claim().seeds.size()),
               file.claim().claim});
  }
  std::fputs(table.text().c_str(), stdout);
  return kDone;
}

void show(const ClaimRow& row) {
  Table table(fmt::format("{}: {}\n  paper: {} ({})", row.name, row.claim, row.figure, row.source),
              {{"verdict"}, {"expectation"}, {"paper"}, {"ours"}, {"other"}, {"p (t)"}, {"p (flips)"}});
  const auto p = [](double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : std::string("-"); };
  std::string remarks;
  for (const JudgedExpectation& e : row.expectations) {
    const bool compares = !e.other.empty();
    table.add({std::string(to_string(e.verdict.outcome)), e.text, e.paper, value_text(e.verdict.of),
               compares ? value_text(e.verdict.other) : "", compares ? p(e.verdict.test.p_t) : "",
               compares ? p(e.verdict.test.p_flips) : ""});
    if (!e.verdict.reason.empty()) remarks += fmt::format("  {}: {}\n", e.text, e.verdict.reason);
  }
  for (const std::string& failure : row.failures) remarks += fmt::format("  failed  {}\n", failure);
  if (!row.note.empty()) remarks += fmt::format("  {}\n", row.note);
  fmt::print("{}{}  {}: {} seeds, {} of one core\n\n", table.text(), remarks, to_string(row.outcome()),
             row.seeds.size(), duration(row.seconds));
  std::fflush(stdout);  // before the next claim's progress, where both go into one file
}

void show(const std::map<Outcome, std::vector<std::string>>& outcomes) {
  for (const auto& [outcome, names] : outcomes)
    fmt::print("{} ({}): {}\n", to_string(outcome), names.size(), fmt::join(names, ", "));
}

// A quick look does not take the place of a row that holds for the configuration as it is.
bool belongs_into_gallery(const ClaimRow& row, const fs::path& file) {
  if (!row.quick || !fs::exists(file)) return true;
  const ClaimRow there = read_row(file);
  return there.quick || !stale(there, ".").empty();
}

// Nothing where somebody asked to stop.
std::optional<Outcome> reproduce(const ClaimTrial& trial, const Arguments& arguments, Console& progress) {
  Ledger ledger(trial.folder(arguments.runs), trial.plan());
  progress.line(fmt::format("{}  {}", trial.name(), ledger.summary()));
  if (!ledger.run(arguments.ledger, progress)) {
    progress.line(fmt::format("stopped and saved: {}; the same command goes on", ledger.summary()));
    return std::nullopt;
  }
  if (ledger.count(RunState::elsewhere) > 0) {
    progress.line(fmt::format("{}: {}; ask again when they have ended", trial.name(), ledger.summary()));
    return Outcome::undecided;
  }
  const ClaimRow row = trial.judge(ledger);
  show(row);
  const fs::path file = arguments.docs / "gallery" / (trial.name() + ".json");
  if (arguments.no_gallery || !belongs_into_gallery(row, file)) return row.outcome();
  const Claim& claim = trial.file().claim();
  std::vector<std::vector<fs::path>> runs;
  for (const std::string& variant : claim.variants) {
    runs.emplace_back();
    for (const LedgerRow& run : ledger.rows())
      if (run.run.group == variant && run.state == RunState::finished) runs.back().push_back(ledger.path(run));
  }
  write(arguments.docs / "gallery" / (trial.name() + ".svg"), claim_picture(claim, row, picture_curves(claim, runs)));
  write_row(file, row);
  write_page(arguments);
  return row.outcome();
}

int run(Arguments& arguments) {
  if (arguments.list) return list(arguments);
  if (arguments.page) return write_page(arguments), kDone;
  std::vector<fs::path> claims;
  for (const std::string& name : arguments.names) claims.push_back(claim_named(name, arguments.configs));
  if (arguments.all) claims = find_claims(arguments.configs);
  blame<SetupError>([&] {
    require(!claims.empty(), "reproduce", "which claim? reproduce --list tells which there are, --all runs them");
  });
  const StopSignals signals;
  Console progress(stderr);
  arguments.ledger.train = program_beside("train");
  std::vector<ClaimTrial> trials;  // all are right before the first runs
  for (const fs::path& claim : claims) trials.emplace_back(claim, arguments.trial);
  std::map<Outcome, std::vector<std::string>> outcomes;
  for (const ClaimTrial& trial : trials) {
    const std::optional<Outcome> outcome = reproduce(trial, arguments, progress);
    if (!outcome) return kInterrupted;
    outcomes[*outcome].push_back(trial.name());
  }
  if (trials.size() > 1) show(outcomes);
  return outcomes[Outcome::holds].size() == trials.size() ? kDone : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Runs claims: configurations that say what they expect. Every variant is trained with every seed, in\n"
      "runs/claims/<name>/; what is finished is not done again. The verdicts go to docs/gallery.md.",
      "reproduce");
  app.footer(
      "Exit codes: 0 every expectation holds, 1 one does not or is undecided, 2 configuration, 3 data, 130 stopped by\n"
      "Ctrl-C or SIGTERM and saved.\n"
      "Examples:\n"
      "  reproduce --list\n"
      "  reproduce stablemax --jobs 2\n"
      "  reproduce --all --quick\n");
  Arguments arguments;
  arguments.ledger.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  app.add_option("NAME", arguments.names, "claims: names of files below configs/, or files")->type_name("");
  app.add_flag("--all", arguments.all, "every claim below configs/");
  app.add_flag("--list", arguments.list, "tell which claims there are, and what became of them");
  app.add_flag("--quick", arguments.trial.quick,
               "with the settings of `quick:` laid over every variant, and at most three seeds");
  number_option(app, "--jobs", arguments.ledger.jobs, "runs at a time, each on one thread", CLI::Range(1, 1024));
  number_option(app, "--seeds", arguments.trial.seeds, "train.seed 1 to so many; 0: those of the claim",
                CLI::Range(0, 1000));
  app.add_flag("--retry", arguments.ledger.retry, "do runs again that failed");
  app.add_flag("--page", arguments.page, "make docs/gallery.md anew from docs/gallery/, and nothing else");
  app.add_flag("--no-gallery", arguments.no_gallery, "leave docs/ as it is");
  app.add_option("--configs", arguments.configs, "where claims are")->capture_default_str()->type_name("FOLDER");
  app.add_option("--docs", arguments.docs, "where the gallery is")->capture_default_str()->type_name("FOLDER");
  app.add_option("--runs", arguments.runs, "where runs are")->capture_default_str()->type_name("FOLDER");
  return run_program(app, argc, argv, [&] { return run(arguments); });
}
