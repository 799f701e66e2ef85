// Saving when calls fail, when the disk is full, and when the power is cut.
#include <catch2/catch.hpp>
#include <set>

#include "data/files.h"
#include "tests/support/faulty_files.h"
#include "tests/support/folder.h"
#include "tests/support/power_cut.h"
#include "tests/support/small_run.h"
#include "train/checkpoint.h"
#include "train/checkpoint_folder.h"
#include "train/output/metrics_log.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

// A run of three steps and the hashes of its weights after each.
struct Saved {
  SmallRun run{1};
  std::map<std::int64_t, std::string> hash;

  void save(const CheckpointFolder& folder, std::int64_t step) {
    while (steps_ < step) {
      run.step(++steps_);
      hash[steps_] = weights_hash(run.parameters);
    }
    save_checkpoint(folder.at(step), run.parameters, run.optimizer->states(),
                    {.step = step, .seed = 1, .config = "c", .numbers = {{"best", 0.5}}, .average = &average_});
    folder.set_best(step);
    folder.prune(1);
  }

  // The step of the newest checkpoint, which must be whole; 0: there is none.
  std::int64_t newest(const CheckpointFolder& folder) const {
    const auto found = folder.newest();
    if (!found) return 0;
    SmallRun other(2);
    Tensor average = other.parameters.make_flat();
    CheckpointState state;
    state.average = &average;
    load_checkpoint(found->path, other.parameters, other.optimizer->states(), state);
    CHECK(state.step == found->step);
    CHECK(weights_hash(other.parameters) == hash.at(found->step));
    return found->step;
  }

 private:
  std::int64_t steps_ = 0;
  Tensor average_ = run.parameters.make_flat();
};

bool has_strays(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string().ends_with(".new")) return true;
  return false;
}

}  // namespace

TEST_CASE("whatever call of a save fails, a good checkpoint is there and the message says what failed",
          "[checkpoint][faults]") {
  FaultyFiles quick;
  for (const Fault fault : {Fault::io_error, Fault::no_space, Fault::interrupted, Fault::short_write}) {
    const bool survives = fault == Fault::interrupted || fault == Fault::short_write;
    int trials = 0, refused = 0;
    for (bool more = true; more; ++trials) {
      const TestFolder folder;
      const CheckpointFolder checkpoints(folder.path / "checkpoints");
      Saved saved;
      {
        const FileSystemStandIn in(quick);
        saved.save(checkpoints, 1);
      }
      FaultyFiles files(trials, fault);
      std::string message;
      {
        const FileSystemStandIn in(files);
        try {
          saved.save(checkpoints, 2);
        } catch (const Error& error) {
          message = error.what();
        }
      }
      more = trials < files.calls();
      INFO("fault " << static_cast<int>(fault) << " of call " << trials << " at " << files.where() << ": " << message);
      if (!message.empty()) {
        ++refused;
        CHECK_FALSE(survives);
        CHECK(message.find(files.where()) != message.npos);
        CHECK(message.find(files.reason()) != message.npos);
      }
      const std::int64_t newest = saved.newest(checkpoints);
      if (message.empty()) CHECK(newest == 2);
      CHECK(newest >= 1);
      checkpoints.clean();
      CHECK(saved.newest(checkpoints) == newest);
      CHECK((checkpoints.best() && checkpoints.best()->step <= newest));
      CHECK_FALSE(has_strays(folder.path));
    }
    CHECK(trials > 60);
    CHECK((survives ? refused == 0 : refused > 40));
  }
}

TEST_CASE("a read that fails is told with its file", "[checkpoint][faults]") {
  const TestFolder folder;
  const CheckpointFolder checkpoints(folder.path / "checkpoints");
  Saved saved;
  saved.save(checkpoints, 1);
  for (int nth = 0, calls = 1; nth < calls; ++nth) {
    FaultyFiles files(nth, Fault::io_error);
    const FileSystemStandIn in(files);
    std::string message;
    try {
      saved.newest(checkpoints);
    } catch (const Error& error) {
      message = error.what();
    }
    calls = files.calls();
    INFO(nth << " at " << files.where() << ": " << message);
    // Closing what was read cannot lose anything.
    CHECK((message.empty() || message.find(files.where()) != message.npos));
  }
}

TEST_CASE("a power cut at any instant of a save leaves the old or the new checkpoint", "[checkpoint][faults]") {
  const TestFolder folder;
  const CheckpointFolder checkpoints(folder.path / "run/checkpoints");
  Saved saved;
  PowerCut power(folder.path);
  {
    const FileSystemStandIn in(power);
    saved.save(checkpoints, 1);
    power.next_phase();
    saved.save(checkpoints, 2);
    power.next_phase();
    saved.save(checkpoints, 2);  // once more in the place of the other
    power.next_phase();
  }
  const TestFolder place;
  const CheckpointFolder left(place.path / "left/run/checkpoints");
  power.each_state(place.path / "left", [&](std::size_t phase) {
    INFO("phase " << phase);
    left.clean();
    const std::int64_t newest = saved.newest(left), wanted = static_cast<std::int64_t>(phase);
    CHECK((newest == std::min<std::int64_t>(wanted, 2) || (phase < 2 && newest == wanted + 1)));
    const auto best = left.best();
    if (best) CHECK(fs::exists(best->path / "model.safetensors"));
    if (phase > 0) CHECK(best);
    CHECK_FALSE((fs::exists(place.path / "left") && has_strays(place.path / "left")));
  });
  CAPTURE(power.states, power.subsets);
  CHECK(power.states > 200);
}

TEST_CASE("a power cut leaves the old or the new file", "[data][files][faults]") {
  const TestFolder folder;
  folder.write("a", "old");
  PowerCut power(folder.path);
  {
    const FileSystemStandIn in(power);
    replace_file(folder.path / "a", std::as_bytes(std::span(std::string_view("new and longer"))));
    power.next_phase();
  }
  const TestFolder place;
  bool old_seen = false;
  power.each_state(place.path / "left", [&](std::size_t phase) {
    const std::string text = contents_of(place.path / "left/a");
    CHECK((text == "new and longer" || (phase == 0 && text == "old")));
    old_seen = old_seen || text == "old";
  });
  CHECK(old_seen);
}

TEST_CASE("the model of a power cut sees what a writer without care loses", "[faults]") {
  const TestFolder folder;
  folder.write("a", "old");
  PowerCut power(folder.path);
  {
    const FileSystemStandIn in(power);
    OpenFile file("test", (folder.path / "b").string(), O_WRONLY | O_CREAT);
    file.write(std::as_bytes(std::span(std::string_view("new"))));
    REQUIRE(file_system().rename((folder.path / "b").c_str(), (folder.path / "a").c_str()) == 0);
  }
  const TestFolder place;
  std::set<std::string> seen;
  power.each_state(place.path / "left", [&](std::size_t) { seen.insert(contents_of(place.path / "left/a")); });
  CHECK(seen == std::set<std::string>{"old", "", "n", "new"});
}

TEST_CASE("measurements before a sync outlast a power cut, and what it leaves can be read", "[output][faults]") {
  const TestFolder folder;
  PowerCut power(folder.path);
  {
    const FileSystemStandIn in(power);
    MetricsLog log(folder.path / "metrics.jsonl");
    const auto add = [&](std::int64_t step) { log.add(step, 0, 1, "train", std::array{Metric{"loss", 0.25}}); };
    for (std::int64_t step = 1; step <= 3; ++step) add(step);
    log.sync();
    sync_folder(folder.path);
    power.next_phase();
    for (std::int64_t step = 4; step <= 7; ++step) add(step);
  }
  const TestFolder place;
  const fs::path left = place.path / "left/metrics.jsonl";
  power.each_state(place.path / "left", [&](std::size_t phase) {
    if (phase == 0) return;
    const std::size_t count = read_metrics(left).size();
    CHECK(count >= 3);
    for (std::size_t i = 0; i < count; ++i) CHECK(read_metrics(left)[i].step == static_cast<std::int64_t>(i) + 1);
    const MetricsLog resumed(left, 3);
    CHECK(read_metrics(left).size() == 3);
  });
  CHECK(power.states > 20);
}
