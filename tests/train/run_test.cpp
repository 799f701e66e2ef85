#include "train/run.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/folder.h"
#include "train/config/write_config.h"
#include "train/output/metrics_log.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

struct Run {
  // The text of `config` with a few settings laid over it.
  Run(const ConfigText& config, const TestFolder& folder, std::vector<std::string> overrides) {
    overrides.push_back("folder=" + folder.path.string());
    overrides.push_back(fmt::format("data.file={}/data/files/digits.csv", TEMPERA_SOURCE_DIR));
    origins = read_config(config, overrides, options);
    experiment = std::make_unique<Experiment>(options);
  }
  RunEnd run(bool resume = false) {
    std::FILE* silent = std::fopen("/dev/null", "w");
    RunEnd end{};
    {
      Console console(silent);
      end = run_experiment(*experiment, console, origins, resume ? RunStart::resume : RunStart::fresh);
    }
    std::fclose(silent);
    return end;
  }
  std::string hash() { return experiment->trainer().weights_hash(); }

  ExperimentOptions options;
  Origins origins;
  std::unique_ptr<Experiment> experiment;
};

ConfigText quickstart() {
  return load_config_text(fs::path(TEMPERA_SOURCE_DIR) / "configs/quickstart.yaml");
}

const ConfigText kPatches{"patches.yaml",
                          "data: {type: digits}\n"
                          "model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}\n"
                          "attention: {type: softmax, heads: 2}\n"
                          "train: {steps: 12, batch: 16, shard: 4}\n"
                          "checkpoint: {every: 4}\n"
                          "evaluate: {every: 5, samples: 20}\n"};

}  // namespace

TEST_CASE("the quickstart learns the digits, to the same bits on any number of threads", "[experiment]") {
  const TestFolder folder;
  std::string hash;
  for (const int threads : {1, 3}) {
    Run run(quickstart(), folder, {fmt::format("train.threads={}", threads), fmt::format("name=t{}", threads)});
    CHECK(run.run() == RunEnd::done);
    if (threads == 1) hash = run.hash();
    CHECK(run.hash() == hash);
    const auto metrics = run.experiment->trainer().evaluate(*run.experiment->data().test);
    REQUIRE(metrics[1].name == "accuracy");
    CHECK(metrics[1].value >= 0.96);
  }
  const fs::path run = folder.path / "t1";
  for (const char* file : {"config.yaml", "run.json", "metrics.jsonl", "log.txt", "report.html"})
    CHECK(fs::exists(run / file));
  CHECK(fs::exists(run / "checkpoints/step-001800/COMPLETE"));
  CHECK(read_metrics(run / "metrics.jsonl").back().split == "test");
  CHECK(read_identity(run).weights_sha256 == hash);
}

TEST_CASE("a transformer with dropout, stopped and resumed, ends with the same bits", "[experiment]") {
  const TestFolder folder;
  Run whole(kPatches, folder, {"name=whole"});
  CHECK(whole.run() == RunEnd::done);
  {
    Run first(kPatches, folder, {"name=cut"});
    for (int i = 0; i < 7; ++i) first.experiment->trainer().step();
    first.experiment->trainer().save(folder.path / "seven");
    Run second(kPatches, folder, {"name=second", "train.threads=2"});
    second.experiment->trainer().resume(folder.path / "seven");
    CHECK(second.experiment->trainer().run());
    CHECK(second.hash() == whole.hash());
  }
  SECTION("a run's folder is not overwritten, and resuming a finished run changes nothing") {
    Run again(kPatches, folder, {"name=whole"});
    CHECK_THROWS_AS(again.run(), Error);
    Run resumed(kPatches, folder, {"name=whole"});
    CHECK(resumed.run(true) == RunEnd::done);
    CHECK(resumed.hash() == whole.hash());
  }
  SECTION("a damaged newest checkpoint is passed over") {
    std::ofstream(folder.path / "whole/checkpoints/step-000012/model.safetensors") << "torn";
    Run resumed(kPatches, folder, {"name=whole"});
    CHECK(resumed.run(true) == RunEnd::done);
    CHECK(resumed.hash() == whole.hash());
  }
}

TEST_CASE("the effective configuration reads back to the same run", "[experiment]") {
  ExperimentOptions a, b;
  const Origins origins = read_config(kPatches, {"lr=0.5"}, a);
  const std::string text = write_config(a, origins);
  read_config({"again.yaml", text}, {}, b);
  CHECK(write_config(b) == write_config(a));
}
