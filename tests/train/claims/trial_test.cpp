#include "train/claims/trial.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "train/fingerprint.h"
#include "train/output/run_folder.h"
#include "train/results.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

std::string claim(const std::string& expect) {
  return "data: {type: digits, file: \"" + source_file("data/files/digits.csv").string() +
         "\"}\nmodel: {type: mlp, hidden: [2]}\ntrain: {steps: 2}\nclaim: Wide nets learn more.\n"
         "seeds: [4, 7]\nquick: {lr: 0.5}\nvariants: {wide: {model.hidden: [4]}, narrow: {}}\nexpect:\n  - {" +
         expect + "}\n";
}

// As a finished run leaves it.
void finish(const fs::path& run, const std::string& fingerprint, double accuracy, const std::string& metrics) {
  fs::create_directories(run);
  RunFolder folder(run, RunStart::resume);
  RunIdentity identity;
  identity.config_hash = fingerprint;
  identity.finished = "2026-01-31T12:00:00Z";
  folder.write_identity(identity);
  write_results(run, {{"test_accuracy", accuracy}, {"seconds", 10}});
  std::ofstream(run / "metrics.jsonl") << metrics;
}

}  // namespace

TEST_CASE("a trial plans every variant with every seed", "[claims]") {
  const TestFolder folder;
  const fs::path config = folder.write("wide.yaml", claim("metric: test_accuracy, of: wide, above: narrow"));
  const ClaimTrial trial(config, {});
  CHECK(trial.folder("runs") == fs::path("runs/claims/wide"));
  REQUIRE(trial.plan().size() == 4);
  CHECK(trial.plan()[0].name() == "wide-seed4");
  CHECK(trial.plan()[1].name() == "narrow-seed4");
  CHECK(trial.plan()[3].name() == "narrow-seed7");
  CHECK(trial.plan()[0].arguments == std::vector<std::string>{config.string(), "--variant", "wide"});
  ExperimentOptions options;
  trial.file().fill(options, {}, "wide");
  options.train.seed = 4;
  CHECK(trial.plan()[0].fingerprint == fingerprint(options));

  const ClaimTrial quick(config, {.quick = true, .seeds = 1});
  CHECK(quick.folder("runs") == fs::path("runs/claims/wide-quick"));
  REQUIRE(quick.plan().size() == 2);
  CHECK(quick.plan()[0].seed == 1);
  CHECK(quick.plan()[0].arguments.back() == "--quick");
  CHECK(quick.plan()[0].fingerprint != trial.plan()[0].fingerprint);
}

TEST_CASE("a trial refuses what no run would have", "[claims]") {
  const TestFolder folder;
  const auto error = [&](const std::string& expect) {
    folder.write("c.yaml", claim(expect));
    return folder.error_of([&] { ClaimTrial(folder.path / "c.yaml", {}); });
  };
  CHECK(error("metric: test_acuracy, of: wide, at_least: 1")
            .find("c.yaml:9:14: runs of wide end with no "
                  "`test_acuracy`; did you mean `test_accuracy`?") != std::string::npos);
  CHECK(error("steps_to: {metric: test_accuracy, at_least: 1}, of: wide, at_most: 1").find("runs of wide record no") !=
        std::string::npos);
  folder.write("c.yaml", "model: {type: mlp}\ndata: {type: digits}\n");
  CHECK(folder.error_of([&] { ClaimTrial(folder.path / "c.yaml", {}); }) ==
        "reproduce: c.yaml makes no claim; one says what it expects, with `expect:`");
}

TEST_CASE("a trial is judged by what its runs left", "[claims]") {
  const TestFolder folder;
  const fs::path config =
      folder.write("wide.yaml", claim("metric: test_accuracy, of: wide, above: narrow}\n"
                                      "  - {steps_to: {metric: valid_accuracy, at_least: 0.5}, of: wide, at_most: 30"));
  const ClaimTrial trial(config, {});
  const std::string slow = R"({"step":10,"split":"valid","accuracy":0.2})"
                           "\n"
                           R"({"step":40,"split":"valid","accuracy":0.4})"
                           "\n";
  const std::string fast = R"({"step":10,"split":"valid","accuracy":0.2})"
                           "\n"
                           R"({"step":20,"split":"valid","accuracy":0.6})"
                           "\n";
  for (const PlannedRun& run : trial.plan()) {
    const bool wide = run.group == "wide";
    finish(trial.folder(folder.path) / run.name(), run.fingerprint,
           (wide ? 0.9 : 0.5) + 0.01 * static_cast<double>(run.seed), wide ? fast : slow);
  }
  {
    const Ledger ledger(trial.folder(folder.path), trial.plan());
    const ClaimRow row = trial.judge(ledger);
    CHECK(row.outcome() == Outcome::holds);
    CHECK(row.seconds == 40);
    CHECK(row.seeds == std::vector<std::uint64_t>{4, 7});
    REQUIRE(row.measured.size() == 4);
    CHECK(row.measured[0].values[1].value == Approx(0.97));
    CHECK(row.measured[2].values[0].value == 20);
    CHECK(row.measured[3].values[0].value == 40);
    CHECK(row.measured[3].values[0].censored);
    CHECK(row.expectations[0].verdict.test.mean == Approx(0.4));
  }
  fs::remove(trial.folder(folder.path) / "narrow-seed7" / "results.json");
  const Ledger ledger(trial.folder(folder.path), trial.plan());
  CHECK(trial.judge(ledger).expectations[0].verdict.reason == "1 run has no value");
}
