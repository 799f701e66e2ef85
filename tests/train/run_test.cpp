#include "train/run.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "tests/support/test_run.h"
#include "train/config/write_config.h"
#include "train/errors.h"
#include "train/output/metrics_log.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

ConfigText digits() {
  return load_config_text(source_file("configs/vision/digits-mlp.yaml"));
}

const ConfigText kPatches{"patches.yaml",
                          "data: {type: digits}\n"
                          "model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}\n"
                          "attention: {type: softmax, heads: 2}\n"
                          "train: {steps: 12, batch: 16, shard: 4}\n"
                          "checkpoint: {every: 4}\n"
                          "evaluate: {every: 5, samples: 20}\n"};

}  // namespace

TEST_CASE("a small network learns the digits, to the same bits on any number of threads", "[experiment]") {
  const TestFolder folder;
  std::string hash;
  for (const int threads : {1, 3}) {
    TestRun run(digits(), folder, {fmt::format("train.threads={}", threads), fmt::format("name=t{}", threads)});
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
  const std::vector<MetricRecord> records = read_metrics(run / "metrics.jsonl");
  REQUIRE(records.size() > 2);
  CHECK(records[records.size() - 2].split == "test");
  CHECK(records.back().split == "valid");
  CHECK(read_identity(run).weights_sha256 == hash);
}

TEST_CASE("a transformer with dropout, stopped and resumed, ends with the same bits", "[experiment]") {
  const TestFolder folder;
  TestRun whole(kPatches, folder, {"name=whole"});
  CHECK(whole.run() == RunEnd::done);
  {
    TestRun first(kPatches, folder, {"name=cut"});
    for (int i = 0; i < 7; ++i) first.experiment->trainer().step();
    first.experiment->trainer().save(folder.path / "seven");
    TestRun second(kPatches, folder, {"name=second", "train.threads=2"});
    second.experiment->trainer().resume(folder.path / "seven");
    CHECK(second.experiment->trainer().run());
    CHECK(second.hash() == whole.hash());
  }
  SECTION("a run's folder is not overwritten, and resuming a finished run changes nothing") {
    TestRun again(kPatches, folder, {"name=whole"});
    CHECK_THROWS_AS(again.run(), Error);
    TestRun resumed(kPatches, folder, {"name=whole"});
    CHECK(resumed.run(RunStart::resume) == RunEnd::done);
    CHECK(resumed.hash() == whole.hash());
  }
  SECTION("a damaged newest checkpoint is passed over") {
    std::ofstream(folder.path / "whole/checkpoints/step-000012/model.safetensors") << "torn";
    TestRun resumed(kPatches, folder, {"name=whole"});
    CHECK(resumed.run(RunStart::resume) == RunEnd::done);
    CHECK(resumed.hash() == whole.hash());
  }
}

TEST_CASE("60 steps of a transformer, stopped at six of them, go on to the same bits", "[experiment]") {
  const TestFolder folder;
  const std::vector<std::string> settings{"train.steps=60",      "train.batch=8",
                                          "train.shard=2",       "model.n_layers=1",
                                          "checkpoint.every=25", "evaluate.every=20",
                                          "average.decay=0.9",   "stopping.patience=3",
                                          "clip.value=0.1",      "parameters.no_decay=[head.*]"};
  TestRun whole(kPatches, folder, settings);
  whole.experiment->trainer().checkpoint_in(folder.path / "whole");
  CHECK(whole.experiment->trainer().run());
  for (const int cut : {1, 9, 14, 30, 45, 59}) {
    INFO(cut);
    const fs::path path = folder.path / std::to_string(cut);
    {
      TestRun first(kPatches, folder, settings);
      Trainer& trainer = first.experiment->trainer();
      trainer.checkpoint_in(path);
      trainer.on_step = [&](const StepReport& report) {
        if (report.step == cut) trainer.stop();
      };
      trainer.run();
    }
    TestRun second(kPatches, folder, settings);
    Trainer& trainer = second.experiment->trainer();
    trainer.checkpoint_in(path);
    trainer.resume(CheckpointFolder(path).newest()->path);
    CHECK(trainer.run());
    CHECK(second.hash() == whole.hash());
    CHECK(CheckpointFolder(path).best()->step == CheckpointFolder(folder.path / "whole").best()->step);
  }
}

TEST_CASE("a signal stops a run, which saves and goes on", "[experiment]") {
  const TestFolder folder;
  const std::string keep = "checkpoint.keep=9";
  TestRun whole(kPatches, folder, {"name=whole", keep});
  CHECK(whole.run() == RunEnd::done);
  {
    const StopSignals signals;
    TestRun first(kPatches, folder, {"name=cut", keep});
    first.experiment->trainer().on_checkpoint = [](const CheckpointReport& report) {
      if (report.step == 8) std::raise(SIGTERM);
    };
    CHECK(first.run() == RunEnd::stopped);
    CHECK(first.said.find("stopped and saved at step 8; --resume goes on\n") != std::string::npos);
  }
  TestRun second(kPatches, folder, {"name=cut", keep});
  CHECK(second.run(RunStart::resume) == RunEnd::done);
  CHECK(second.said.find("goes on at step 8\n") != std::string::npos);
  CHECK(second.hash() == whole.hash());
  const auto lines = [&](const char* name) {
    std::vector<std::string> all;
    for (const MetricRecord& r : read_metrics(folder.path / name / "metrics.jsonl"))
      all.push_back(fmt::format("{} {} {}", r.step, r.split, r.values[0].second));
    return all;
  };
  CHECK(lines("cut") == lines("whole"));
  // A finished run that is resumed ends as it did.
  TestRun third(kPatches, folder, {"name=cut", keep});
  CHECK(third.run(RunStart::resume) == RunEnd::done);
  CHECK(lines("cut") == lines("whole"));
  SECTION("from a checkpoint of another run") {
    TestRun fork(kPatches, folder, {"name=fork", keep});
    CHECK(fork.run(RunStart::resume, folder.path / "whole/checkpoints/step-000008") == RunEnd::done);
    CHECK(fork.hash() == whole.hash());
  }
  SECTION("where there is no checkpoint yet, a run begins") {
    TestRun fresh(kPatches, folder, {"name=fresh", keep});
    CHECK(fresh.run(RunStart::resume) == RunEnd::done);
    CHECK(fresh.said.find("holds no checkpoint yet; starting anew\n") != std::string::npos);
    CHECK(fresh.hash() == whole.hash());
  }
}

TEST_CASE("a run tells the best and the last", "[experiment]") {
  const TestFolder folder;
  // Accuracy is chosen as what counts, and the rate is so high that the last steps spoil it.
  TestRun run(kPatches, folder,
              {"name=a", "train.steps=24", "evaluate.every=2", "lr=0.1", "schedule.type=constant",
               "stopping.metric=accuracy", "checkpoint.keep=1"});
  CHECK(run.run() == RunEnd::done);
  const std::int64_t best = run.experiment->trainer().best_step();
  REQUIRE(best < 24);
  for (const std::string& line :
       {fmt::format("best  step {}  valid  loss ", best), fmt::format("best  step {}  test  loss ", best),
        std::string("last  step 24  valid  loss "), std::string("last  step 24  test  loss ")}) {
    INFO(line << " in\n" << run.said);
    CHECK(run.said.find(line) != std::string::npos);
  }
  CHECK(fs::read_symlink(folder.path / "a/checkpoints/best") == fmt::format("step-{:06}", best));
  CHECK(run.said.ends_with("weights sha256 " + run.hash() + "\n"));
  CHECK(run.hash().size() == 64);
  std::vector<std::int64_t> tests;
  for (const MetricRecord& record : read_metrics(folder.path / "a/metrics.jsonl"))
    if (record.split == "test") tests.push_back(record.step);
  CHECK(tests == std::vector<std::int64_t>{best, 24});
  int events = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.path / "a"))
    events += entry.path().filename().string().starts_with("events.out.tfevents.") && entry.file_size() > 1000;
  CHECK(events == 1);
}

TEST_CASE("a language model writes samples on its way and at the end", "[experiment]") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "to be or not to be\n";
  TestRun run({"text.yaml",
               "model: {type: decoder, d_model: 8, n_layers: 1, max_length: 16}\n"
               "attention: {type: softmax, heads: 1}\n"
               "train: {steps: 5, batch: 4}\n"
               "average: {decay: 0.5}\n"
               "baseline: 2\n"
               "sample: {every: 2, tokens: 7}\n"},
              folder,
              {fmt::format("data={{type: text, path: {}, length: 16}}", folder.write("words.txt", text).string())});
  CHECK(run.run() == RunEnd::done);
  for (const int step : {2, 4, 5}) {
    CHECK(fs::exists(folder.path / fmt::format("run/artifacts/text-sample-{:06}.json", step)));
    CHECK(run.said.find(fmt::format("sample at step {}:\n", step)) != std::string::npos);
  }
  CHECK(run.said.find("2-gram baseline: validation loss ") != std::string::npos);
  CHECK(contents_of(folder.path / "run/log.txt").find("weights sha256 " + run.hash()) != std::string::npos);
}

TEST_CASE("a name that is taken is refused, with the ways to go on", "[experiment][errors]") {
  const TestFolder folder;
  TestRun first(kPatches, folder, {"name=a", "train.steps=2"});
  first.run();
  const auto again = [&](std::vector<std::string> settings, RunStart start = RunStart::fresh) {
    settings.push_back("name=a");
    TestRun run(kPatches, folder, settings);
    return folder.error_of([&] { run.run(start); });
  };
  CHECK(again({"train.steps=2"}) ==
        "train: a holds a finished run of this very configuration; --overwrite trains anew, name=NAME trains beside "
        "it\n  its report: a/report.html");
  CHECK(again({"train.steps=3", "train.threads=2", "lr=1"}) ==
        "train: a holds a finished run of another configuration (lr is 0.001 there and 1 here, train.steps is 2 there "
        "and 3 here); --overwrite trains anew, name=NAME trains beside it");
  CHECK(
      again({"train.steps=3"}, RunStart::resume) ==
      "train: a was made with another configuration: train.steps is 2 there and 3 here; set it back to go on, or give "
      "the run a new name with name=NAME");
  CHECK(again({"train.steps=2"}, RunStart::overwrite) == "no error");
  RunIdentity stopped = read_identity(folder.path / "a");
  stopped.finished = "";
  RunFolder(folder.path / "a", RunStart::resume).write_identity(stopped);
  CHECK(again({"train.steps=2"}) ==
        "train: a holds a run that was stopped at step 2; --resume goes on, --overwrite trains anew, name=NAME trains "
        "beside it");
  TestRun run(kPatches, folder, {"name=a"});
  CHECK_THROWS_AS(run.run(), SetupError);
}

TEST_CASE("the parts of an experiment that fail say which they are", "[experiment][errors]") {
  const TestFolder folder;
  CHECK_THROWS_AS(TestRun(kPatches, folder, {"data={type: csv, path: nowhere.csv, target: label}"}), DataError);
  CHECK_THROWS_AS(TestRun(kPatches, folder, {"attention.heads=3"}), SetupError);
  CHECK_THROWS_AS(TestRun(kPatches, folder, {"stopping.metric=colour"}), SetupError);
  CHECK_THROWS_AS(TestRun(kPatches, folder, {"sample.tokens=3"}), SetupError);  // digits are no text
  CHECK_THROWS_AS(TestRun(kPatches, folder, {"parameters.no_decay=[nothing]"}), SetupError);
}

TEST_CASE("the effective configuration reads back to the same run", "[experiment]") {
  ExperimentOptions a, b;
  const Origins origins = read_config(kPatches, {"lr=0.5"}, a);
  const std::string text = write_config(a, origins);
  read_config({"again.yaml", text}, {}, b);
  CHECK(write_config(b) == write_config(a));
}
