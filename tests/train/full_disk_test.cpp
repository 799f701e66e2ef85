// C7: a disk that is full for a while costs checkpoints and measurements, never the run.
#include <catch2/catch.hpp>

#include "tests/support/faulty_files.h"
#include "tests/support/test_run.h"
#include "train/output/metrics_log.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

const ConfigText kRun{"full.yaml",
                      "data: {type: digits}\n"
                      "model: {type: mlp, hidden: [8]}\n"
                      "train: {steps: 12, batch: 16}\n"
                      "checkpoint: {every: 2}\n"
                      "evaluate: {every: 3, samples: 20}\n"};

// Full from the checkpoint of step 4 on, until that of step 8 is due.
struct FullForAWhile : FaultyFiles {
  int make_folder(const char* path) override {
    const std::string_view name = path;
    if (name.ends_with("step-000004.new")) full = true;
    if (name.ends_with("step-000008.new")) full = false;
    was_full = was_full || full;
    return FaultyFiles::make_folder(path);
  }
  bool was_full = false;
};

}  // namespace

TEST_CASE("a run outlasts a full disk, and the next save succeeds", "[experiment][faults]") {
  const TestFolder folder;
  TestRun calm(kRun, folder, {"name=calm"});
  CHECK(calm.run() == RunEnd::done);
  FullForAWhile files;
  TestRun run(kRun, folder, {"name=full", "checkpoint.keep=20"});
  {
    const FileSystemStandIn in(files);
    CHECK(run.run() == RunEnd::done);
  }
  CHECK(files.was_full);
  CHECK(run.hash() == calm.hash());
  std::vector<std::int64_t> saved;
  for (const CheckpointPath& checkpoint : CheckpointFolder(folder.path / "full/checkpoints").complete())
    saved.push_back(checkpoint.step);
  const auto has = [&](std::int64_t step) { return std::ranges::find(saved, step) != saved.end(); };
  for (const std::int64_t step : {2, 8, 10, 12}) CHECK(has(step));
  for (const std::int64_t step : {4, 6}) CHECK_FALSE(has(step));
  CHECK(run.said.find("step-000004.new: mkdir failed: No space left on device") != std::string::npos);
  CHECK(run.said.find("training goes on; the next checkpoint is tried when it is due") != std::string::npos);
  CHECK(run.said.find("training goes on; measurements are lost as long as this lasts") != std::string::npos);
  for (const MetricRecord& record : read_metrics(folder.path / "full/metrics.jsonl"))
    if (record.split == "train") CHECK((record.step <= 4 || record.step >= 9));
  // What came of it goes on like any other run.
  fs::remove_all(folder.path / "full/checkpoints/step-000012");
  TestRun resumed(kRun, folder, {"name=full", "checkpoint.keep=20"});
  CHECK(resumed.run(RunStart::resume) == RunEnd::done);
  CHECK(resumed.hash() == calm.hash());
}

TEST_CASE("whatever call of a run fails, it can be resumed to the same weights", "[experiment][faults]") {
  const TestFolder folder;
  FaultyFiles counting;
  TestRun calm(kRun, folder, {"name=calm", "train.steps=4"});
  {
    const FileSystemStandIn in(counting);
    CHECK(calm.run() == RunEnd::done);
  }
  const int stride = counting.calls() / 12;  // ./dev lane runs tries every one
  for (int nth = 3; nth < counting.calls(); nth += stride) {
    const std::string name = fmt::format("name=n{}", nth);
    FaultyFiles files(nth, nth % 2 == 0 ? Fault::io_error : Fault::no_space);
    TestRun run(kRun, folder, {name, "train.steps=4"});
    std::string message;
    {
      const FileSystemStandIn in(files);
      try {
        run.run();
      } catch (const Error& error) {
        message = error.what();
      }
    }
    INFO("call " << nth << " at " << files.where() << ": " << message << "\n" << run.said);
    CHECK((message.empty() || message.find(files.where()) != message.npos));
    TestRun resumed(kRun, folder, {name, "train.steps=4"});
    CHECK(resumed.run(RunStart::resume) == RunEnd::done);
    CHECK(resumed.hash() == calm.hash());
  }
}
