#include "train/ledger/ledger.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/support/folder.h"
#include "train/ledger/file_lock.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

// Stands in for `train`: its first argument is the fingerprint that the run shall have, its second what it does.
constexpr std::string_view kTrain = R"(#!/bin/sh
print=$1
what=$2
for a; do case $a in name=*) n=${a#name=};; folder=*) f=${a#folder=};; esac; last=$a; done
mkdir -p "$f/$n"
echo "$last" >> "$f/$n/starts"
case $what in
  fail) echo "some words"; echo "train: the loss is nan at step 3;"; echo "  lower the learning rate"; exit 4;;
  wait) trap 'echo "{\"config_hash\":\"$print\"}" > "$f/$n/run.json"; exit 130' TERM
        touch "$f/$n/ready"; while :; do sleep 0.02; done;;
  kill) kill -9 $$;;
esac
echo "{\"config_hash\":\"$print\",\"finished\":\"2026-01-31T12:00:00Z\"}" > "$f/$n/run.json"
echo '{"seconds": 2.5}' > "$f/$n/results.json"
)";

struct Fixture {
  TestFolder folder;
  LedgerOptions options;
  std::string said;

  Fixture() {
    options.train = folder.write("train", kTrain);
    fs::permissions(options.train, fs::perms::owner_all);
    options.jobs = 2;
  }
  PlannedRun planned(std::uint64_t seed, const std::string& what = "work", const std::string& print = "1") const {
    return {"soft", seed, print, 10, {print, what}};
  }
  Ledger ledger(std::vector<PlannedRun> runs) const { return Ledger(folder.path / "runs", std::move(runs)); }
  bool run(Ledger& ledger) {
    std::FILE* screen = std::tmpfile();
    bool done = false;
    {
      Console console(screen);
      done = ledger.run(options, console);
    }
    std::rewind(screen);
    char line[4096];
    said.clear();
    while (std::fgets(line, sizeof line, screen) != nullptr) said += line;
    std::fclose(screen);
    return done;
  }
  // How the run was started, each time: "--overwrite\n--resume\n".
  std::string starts(int seed) const {
    return contents_of(folder.path / "runs" / fmt::format("soft-seed{}", seed) / "starts");
  }
};

}  // namespace

TEST_CASE("a ledger does every run once", "[ledger]") {
  Fixture f;
  for (int time = 0; time < 3; ++time) {
    Ledger ledger = f.ledger({f.planned(1), f.planned(2), f.planned(3)});
    CHECK(f.run(ledger));
    for (const LedgerRow& row : ledger.rows()) {
      CHECK(row.state == RunState::finished);
      CHECK(row.seconds == 2.5);
    }
    CHECK(ledger.summary() == "3 of 3 runs done");
  }
  for (const int seed : {1, 2, 3}) CHECK(f.starts(seed) == "--overwrite\n");
  // Another configuration is another run, in the same place.
  Ledger ledger = f.ledger({f.planned(1, "work", "2"), f.planned(2)});
  CHECK(f.run(ledger));
  CHECK(f.starts(1) == "--overwrite\n--overwrite\n");
  CHECK(f.starts(2) == "--overwrite\n");
}

TEST_CASE("a run that starts from another waits for it, and fails with it", "[ledger]") {
  for (const char* what : {"work", "fail"}) {
    Fixture f;
    f.options.jobs = 3;
    PlannedRun later = f.planned(1), first = f.planned(2, what);
    later.after = first.name();
    Ledger ledger = f.ledger({later, first, f.planned(3)});
    CHECK(f.run(ledger));
    const bool good = what == std::string_view("work");
    CHECK(ledger.rows()[0].state == (good ? RunState::finished : RunState::failed));
    CHECK(ledger.rows()[0].reason == (good ? "" : "it starts from soft-seed2, which failed"));
    CHECK(ledger.rows()[2].state == RunState::finished);
    if (good) CHECK(f.said.find("soft-seed2") < f.said.find("soft-seed1"));
  }
}

TEST_CASE("a run that fails keeps its reason, and the others go on", "[ledger]") {
  Fixture f;
  const std::string reason = "train: the loss is nan at step 3; lower the learning rate";
  const std::vector<PlannedRun> runs{f.planned(1, "fail"), f.planned(2), f.planned(3, "kill")};
  for (int time = 0; time < 2; ++time) {
    Ledger ledger = f.ledger(runs);
    CHECK(f.run(ledger));
    CHECK(ledger.rows()[0].state == RunState::failed);
    CHECK(ledger.rows()[0].reason == reason);
    CHECK(ledger.rows()[1].state == RunState::finished);
    CHECK(ledger.rows()[2].reason == "ended by signal 9 (Killed)");
    CHECK(ledger.summary() == "1 of 3 runs done, 2 failed");
  }
  CHECK(f.starts(1) == "--overwrite\n");
  CHECK(f.said.empty());
  f.options.retry = true;
  Ledger ledger = f.ledger(runs);
  CHECK(f.run(ledger));
  CHECK(f.starts(1) == "--overwrite\n--overwrite\n");
  CHECK(f.starts(2) == "--overwrite\n");
}

TEST_CASE("a ledger that is asked to stop asks its runs, and goes on from where they were", "[ledger]") {
  Fixture f;
  {
    const StopSignals signals;
    std::thread somebody([&] {
      const auto ready = [&](int seed) {
        return fs::exists(f.folder.path / "runs" / fmt::format("soft-seed{}", seed) / "ready");
      };
      for (int i = 0; i < 500 && !(ready(1) && ready(2)); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      std::raise(SIGTERM);
    });
    Ledger ledger = f.ledger({f.planned(1, "wait"), f.planned(2, "wait"), f.planned(3)});
    CHECK_FALSE(f.run(ledger));
    somebody.join();
    CHECK(ledger.rows()[0].state == RunState::stopped);
    CHECK(ledger.rows()[1].state == RunState::stopped);
    CHECK(ledger.rows()[2].state == RunState::waiting);
  }
  Ledger ledger = f.ledger({f.planned(1), f.planned(2), f.planned(3)});
  CHECK(f.run(ledger));
  CHECK(f.starts(1) == "--overwrite\n--resume\n");
  CHECK(f.starts(3) == "--overwrite\n");
}

TEST_CASE("several processes share a ledger: each run is done by one of them", "[ledger]") {
  Fixture f;
  f.options.jobs = 1;
  std::vector<PlannedRun> runs;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) runs.push_back(f.planned(seed, seed == 5 ? "fail" : "work"));
  // Each process has descriptors of its own, and locks belong to those; so threads stand for processes.
  std::vector<std::thread> processes;
  std::atomic<int> done = 0;
  for (int i = 0; i < 3; ++i)
    processes.emplace_back([&] {
      std::FILE* screen = std::tmpfile();
      {
        Console console(screen);
        Ledger ledger = f.ledger(runs);
        done += ledger.run(f.options, console);
      }
      std::fclose(screen);
    });
  for (std::thread& process : processes) process.join();
  CHECK(done == 3);
  for (int seed = 1; seed <= 12; ++seed) CHECK(f.starts(seed) == "--overwrite\n");
  CHECK(f.ledger(runs).summary() == "11 of 12 runs done, 1 failed");
}

TEST_CASE("a run that another process does is left to it", "[ledger]") {
  Fixture f;
  Ledger ledger = f.ledger({f.planned(1), f.planned(2)});
  {
    const FileLock held(f.folder.path / "runs/soft-seed1.said", FileLock::Wait::no);
    CHECK(held.held());
    CHECK(f.run(ledger));
    CHECK(ledger.rows()[0].state == RunState::elsewhere);
    CHECK(ledger.summary() == "1 of 2 runs done, 1 with other processes");
    CHECK(f.starts(1).empty());
  }
  Ledger again = f.ledger({f.planned(1), f.planned(2)});
  CHECK(f.run(again));
  CHECK(again.summary() == "2 of 2 runs done");
  CHECK(f.starts(2) == "--overwrite\n");
}

TEST_CASE("shares of a ledger are disjoint and make up the whole", "[ledger]") {
  Fixture f;
  const std::vector<PlannedRun> runs{f.planned(1), f.planned(2), f.planned(3), f.planned(4), f.planned(5)};
  for (const char* share : {"2/2", "1/2"}) {
    f.options.share = read_share(share);
    Ledger ledger = f.ledger(runs);
    CHECK(f.run(ledger));
    CHECK(ledger.count(RunState::finished) == (f.options.share.index == 2 ? 2 : 5));
  }
  for (const int seed : {1, 2, 3, 4, 5}) CHECK(f.starts(seed) == "--overwrite\n");
  for (const char* wrong : {"", "3", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2"})
    CHECK_THROWS_WITH(read_share(wrong), Catch::Contains("is no share; wanted I/N with 1 <= I <= N"));
}

TEST_CASE("a ledger refuses what would go wrong", "[ledger]") {
  Fixture f;
  const auto other = [&](std::vector<PlannedRun> runs) { Ledger(f.folder.path / "other", std::move(runs)); };
  CHECK(f.folder.error_of([&] {
    other({f.planned(1), f.planned(1)});
  }) == "ledger: two runs are named soft-seed1; give one of them another name");
  f.folder.write("other/ledger.json", "[");
  CHECK(f.folder.error_of([&] { other({f.planned(1)}); }) ==
        "ledger: other/ledger.json is damaged; remove it, and runs that failed are tried again");
  f.options.train = f.folder.path / "nowhere";
  Ledger lost(f.folder.path / "lost", {f.planned(1)});
  CHECK(f.folder.error_of([&] { f.run(lost); }) == "ledger: there is no program nowhere; build it");
}
