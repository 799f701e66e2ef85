#include "data/sampler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "data/permutation.h"

using namespace tempera;

namespace {

std::vector<std::int64_t> samples(const Sampler& sampler, std::int64_t step) {
  std::vector<std::int64_t> out;
  sampler.samples(step, out);
  CHECK(sampler.size(step) == std::ssize(out));
  return out;
}

std::vector<std::int64_t> epoch(const Sampler& sampler, std::int64_t number) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < sampler.steps_per_epoch(); ++i)
    for (const std::int64_t s : samples(sampler, number * sampler.steps_per_epoch() + i)) all.push_back(s);
  return all;
}

}  // namespace

TEST_CASE("a permutation is a bijection of any size", "[data][permutation]") {
  const std::int64_t size = GENERATE(1, 2, 3, 4, 5, 7, 16, 17, 61, 64, 65, 127, 256, 1000, 4096, 4099);
  const Permutation order(size, Rng(3, "test"));
  std::set<std::int64_t> seen;
  for (std::int64_t i = 0; i < size; ++i) seen.insert(order(i));
  CHECK(static_cast<std::int64_t>(seen.size()) == size);
  CHECK(*seen.begin() == 0);
  CHECK(*seen.rbegin() == size - 1);
}

TEST_CASE("every permutation of three comes up as often", "[data][permutation]") {
  std::map<std::array<std::int64_t, 3>, int> count;
  constexpr int kDraws = 6000;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const Permutation order(3, Rng(1, "test", i));
    ++count[{order(0), order(1), order(2)}];
  }
  CHECK(count.size() == 6);
  double chi2 = 0;
  for (const auto& [order, n] : count) chi2 += (n - 1000.0) * (n - 1000.0) / 1000;
  CHECK(chi2 < 20.5);  // five degrees of freedom: one in a thousand exceeds it
}

TEST_CASE("a permutation mixes: places and neighbours are uncorrelated", "[data][permutation]") {
  constexpr std::int64_t kSize = 10'007;
  const Permutation order(kSize, Rng(5, "test"));
  double place = 0, neighbour = 0;
  const double mean = (kSize - 1) / 2.0, variance = (static_cast<double>(kSize) * kSize - 1) / 12;
  for (std::int64_t i = 0; i < kSize; ++i) {
    const double y = static_cast<double>(order(i)) - mean;
    place += (static_cast<double>(i) - mean) * y;
    neighbour += (static_cast<double>(order((i + 1) % kSize)) - mean) * y;
  }
  CHECK(std::abs(place / kSize / variance) < 0.04);  // four standard deviations of 1 / sqrt(n)
  CHECK(std::abs(neighbour / kSize / variance) < 0.04);
}

TEST_CASE("a permutation reaches to 2^62 and refuses the rest", "[data][permutation][errors]") {
  const Permutation order(std::int64_t{1} << 62, Rng(1, "test"));
  CHECK(order(12345) != order(12346));
  CHECK_THROWS_WITH(Permutation(0, Rng(1, "test")), "Permutation: a size in 1..2^62 was wanted, not 0");
  CHECK_THROWS_WITH(Permutation(3, Rng(1, "test"))(3), "Permutation: entry 3 was asked for of 3");
}

TEST_CASE("an epoch visits each sample exactly once", "[data][sampler]") {
  const std::int64_t size = GENERATE(1, 2, 7, 31, 32, 64, 97, 1000);
  const std::int64_t batch = GENERATE(1, 3, 8, 1000);
  const Sampler sampler(size, {.batch = batch, .drop_last = false, .seed = 11});
  CHECK(sampler.steps_per_epoch() == (size + batch - 1) / batch);
  for (const std::int64_t number : {0, 1, 5}) {
    std::vector<std::int64_t> all = epoch(sampler, number);
    std::sort(all.begin(), all.end());
    REQUIRE(static_cast<std::int64_t>(all.size()) == size);
    for (std::int64_t i = 0; i < size; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("the last incomplete batch is dropped or kept", "[data][sampler]") {
  const Sampler dropped(10, {.batch = 4}), kept(10, {.batch = 4, .drop_last = false});
  CHECK(dropped.steps_per_epoch() == 2);
  CHECK(kept.steps_per_epoch() == 3);
  CHECK(samples(kept, 2).size() == 2);
  CHECK(samples(kept, 3).size() == 4);
  CHECK(dropped.epoch(5) == 2);
  const std::vector<std::int64_t> all = epoch(dropped, 3);
  CHECK(std::set<std::int64_t>(all.begin(), all.end()).size() == 8);
}

TEST_CASE("the samples of a step depend on the step, the seed and nothing else", "[data][sampler]") {
  const Sampler a(50, {.batch = 7, .seed = 1}), b(50, {.batch = 7, .seed = 1}), c(50, {.batch = 7, .seed = 2});
  const auto late = samples(a, 1000);
  for (std::int64_t step = 0; step < 20; ++step) samples(b, step);
  CHECK(samples(b, 1000) == late);
  CHECK(samples(c, 1000) != late);
  CHECK(epoch(a, 0) != epoch(a, 1));
}

TEST_CASE("a sampler that does not shuffle counts", "[data][sampler]") {
  const Sampler sampler(5, {.batch = 2, .shuffle = false, .drop_last = false});
  CHECK(samples(sampler, 0) == std::vector<std::int64_t>{0, 1});
  CHECK(samples(sampler, 2) == std::vector<std::int64_t>{4});
  CHECK(samples(sampler, 4) == std::vector<std::int64_t>{2, 3});
}

TEST_CASE("a few samples are spread over the whole set", "[data][sampler]") {
  std::vector<std::int64_t> ids;
  spread_samples(10, 4, 0, 4, ids);
  CHECK(ids == std::vector<std::int64_t>{0, 2, 5, 7});
  spread_samples(10, 4, 3, 6, ids);
  CHECK(ids == std::vector<std::int64_t>{7});
  spread_samples(3, 3, 0, 2, ids);
  CHECK(ids == std::vector<std::int64_t>{0, 1});
  const std::int64_t most = 2147483647;
  spread_samples(most, most, most - 1, most, ids);
  CHECK(ids == std::vector<std::int64_t>{most - 1});
}

TEST_CASE("a sampler refuses what gives no batch", "[data][sampler][errors]") {
  CHECK_THROWS_WITH(Sampler(0, {}), "Sampler: the set is empty");
  CHECK_THROWS_WITH(Sampler(3, {.batch = 0}), "Sampler: a batch of 0 samples was asked for; at least 1 was wanted");
  CHECK_THROWS_WITH(Sampler(3, {.batch = 4}),
                    "Sampler: the set has 3 samples, fewer than a batch of 4; lower the batch "
                    "or keep the last one");
  CHECK_THROWS_WITH(samples(Sampler(3, {}), -1), "Sampler: step -1 was asked for; steps count from 0");
}
