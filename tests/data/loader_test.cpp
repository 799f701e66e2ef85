#include "data/loader.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <tbb/global_control.h>
#include <thread>

using namespace tempera;

namespace {

// Sample i is (i, i^2); takes its time, so that batches read ahead finish out of order; fails where told.
class Slow : public Dataset {
 public:
  explicit Slow(std::int64_t bad = -1) : Dataset(101, {.inputs = {2}, .classes = 101}), bad_(bad) {}
  mutable std::atomic<int> reads{0};

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    ++reads;
    if (sample % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    require(sample != bad_, "Slow", "sample {} is broken", sample);
    out.inputs.set(2 * row, static_cast<double>(sample));
    out.inputs.set(2 * row + 1, static_cast<double>(sample * sample));
    out.targets.set(row, static_cast<double>(sample));
  }

 private:
  std::int64_t bad_;
};

std::vector<double> run(int depth, std::int64_t first, int steps) {
  Loader loader(std::make_shared<Slow>(), Sampler(101, {.batch = 8, .drop_last = false, .seed = 4}),
                {.depth = depth, .first = first});
  std::vector<double> all;
  for (int i = 0; i < steps; ++i) {
    CHECK(loader.step() == first + i);
    const Batch& batch = loader.next();
    for (const Tensor& t : {batch.inputs, batch.targets, batch.ids})
      for (const double x : t.to_vector()) all.push_back(x);
  }
  return all;
}

}  // namespace

TEST_CASE("batches are the same for every depth and number of threads", "[data][loader]") {
  const std::vector<double> expected = run(0, 0, 40);
  for (const std::size_t threads : {1U, 2U, 4U}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    for (const int depth : {1, 2, 3, 16}) CHECK(run(depth, 0, 40) == expected);
  }
  const std::vector<double> late = run(3, 39, 1);
  CHECK(std::equal(late.begin(), late.end(), expected.end() - static_cast<std::ptrdiff_t>(late.size())));
}

TEST_CASE("a loader stops where it is told and reads no further", "[data][loader]") {
  const auto set = std::make_shared<Slow>();
  {
    Loader loader(set, Sampler(101, {.batch = 10}), {.depth = 4, .first = 2, .last = 5});
    while (!loader.done()) loader.next();
    CHECK(loader.step() == 5);
    CHECK_THROWS_WITH(loader.next(), "Loader: all steps before 5 have been given");
  }
  CHECK(set->reads == 30);
}

TEST_CASE("a loader reads the part of every batch that it is told, and nothing else", "[data][loader]") {
  const Sampler sampler(101, {.batch = 8, .drop_last = false, .seed = 4});
  const auto set = std::make_shared<Slow>();
  Loader loader(set, sampler, {.last = 13, .rows = [](std::int64_t n) { return std::pair(n / 2, n - n / 4); }});
  int reads = 0;
  while (!loader.done()) {
    std::vector<std::int64_t> all;
    sampler.samples(loader.step(), all);
    const std::int64_t n = std::ssize(all), first = n / 2, last = n - n / 4;
    const Batch& batch = loader.next();
    REQUIRE(batch.size() == last - first);
    for (std::int64_t i = first; i < last; ++i)
      CHECK(batch.ids.at(i - first) == static_cast<double>(all[static_cast<std::size_t>(i)]));
    reads += static_cast<int>(last - first);
  }
  CHECK(set->reads == reads);
}

TEST_CASE("an exception of the reader arrives at its own step", "[data][loader]") {
  const int depth = GENERATE(0, 1, 5);
  Loader loader(std::make_shared<Slow>(37), Sampler(101, {.batch = 10, .shuffle = false}), {.depth = depth});
  for (int i = 0; i < 3; ++i) CHECK_NOTHROW(loader.next());
  CHECK_THROWS_WITH(loader.next(), "Slow: sample 37 is broken");
  CHECK_THROWS_WITH(loader.next(), "Slow: sample 37 is broken");
  CHECK(loader.step() == 3);
}

TEST_CASE("a loader can be destroyed at any time", "[data][loader]") {
  for (int i = 0; i < 200; ++i) {
    Loader loader(std::make_shared<Slow>(), Sampler(101, {.batch = 1 + i % 7}), {.depth = i % 9});
    for (int step = 0; step < i % 4; ++step) loader.next();
  }
}

TEST_CASE("a batch that was copied stays", "[data][loader]") {
  Loader loader(std::make_shared<Slow>(), Sampler(101, {.batch = 2, .shuffle = false}), {.depth = 1});
  const Batch kept = loader.next();
  for (int i = 0; i < 10; ++i) loader.next();
  CHECK(kept.ids.to_vector() == std::vector<double>{0, 1});
}

TEST_CASE("a loader refuses impossible options", "[data][loader][errors]") {
  const auto set = std::make_shared<Slow>();
  CHECK_THROWS_WITH(Loader(set, Sampler(101, {}), {.depth = -1}), "Loader: a depth in 0..1024 was wanted, not -1");
  CHECK_THROWS_WITH(Loader(set, Sampler(101, {}), {.first = 3, .last = 2}), "Loader: steps [3, 2) were asked for");
}
