#include "data/dataset.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "data/split.h"

using namespace tempera;

namespace {

std::shared_ptr<const Dataset> squares(Index n) {
  Tensor inputs = Tensor::empty({n, 2}, DType::float32), targets = Tensor::empty({n}, DType::int32);
  for (Index i = 0; i < n; ++i) {
    inputs.set(2 * i, static_cast<double>(i));
    inputs.set(2 * i + 1, static_cast<double>(i * i));
    targets.set(i, static_cast<double>(i % 3));
  }
  return std::make_shared<TensorDataset>(inputs, targets, Description{.inputs = {2}, .classes = 3});
}

Batch filled(const Dataset& set, std::vector<std::int64_t> samples) {
  Batch batch;
  set.fill(samples, batch);
  return batch;
}

}  // namespace

TEST_CASE("a batch holds the samples asked for, in order", "[data][dataset]") {
  const auto set = squares(10);
  const Batch batch = filled(*set, {7, 0, 7});
  CHECK(batch.size() == 3);
  CHECK(batch.inputs.to_vector() == std::vector<double>{7, 49, 0, 0, 7, 49});
  CHECK(batch.targets.to_vector() == std::vector<double>{1, 0, 1});
  CHECK(batch.ids.to_vector() == std::vector<double>{7, 0, 7});
  CHECK_FALSE(batch.lengths.defined());
  CHECK(filled(*set, {}).size() == 0);
  CHECK(set->describe() == "10 samples; inputs float32 [2]; targets int32 [], 3 classes");
}

TEST_CASE("the shards of a batch share its memory", "[data][dataset]") {
  const Batch batch = filled(*squares(10), {1, 2, 3, 4});
  Batch shard = batch.rows(1, 2);
  CHECK(shard.size() == 2);
  CHECK(shard.inputs.to_vector() == std::vector<double>{2, 4, 3, 9});
  shard.targets.set(0, 77);
  CHECK(batch.targets.at(1) == 77);
  CHECK_THROWS_WITH(batch.rows(3, 2), "Tensor::rows: rows [3, 5) were wanted of shape [4, 2]");
}

TEST_CASE("a batch is filled again in the same memory, unless somebody kept it", "[data][dataset]") {
  const auto set = squares(10);
  const std::vector<std::int64_t> first{1, 2}, second{3, 4};
  Batch batch;
  set->fill(first, batch);
  const void* memory = batch.inputs.raw();
  set->fill(second, batch);
  CHECK(batch.inputs.raw() == memory);
  const Batch kept = batch.rows(0, 1);
  set->fill(first, batch);
  CHECK(kept.inputs.to_vector() == std::vector<double>{3, 9});
  CHECK(batch.inputs.to_vector() == std::vector<double>{1, 1, 2, 4});
}

TEST_CASE("a data set refuses what it cannot be", "[data][dataset][errors]") {
  const Tensor x = Tensor::zeros({4, 2}, DType::float32), y = Tensor::zeros({4}, DType::int32);
  const auto make = [&](Description d) { TensorDataset set(x, y, std::move(d)); };
  CHECK_THROWS_WITH(filled(*squares(3), {3}), "Dataset::fill: sample 3 was asked for of 3");
  CHECK_THROWS_WITH(filled(*squares(3), {-1}), "Dataset::fill: sample -1 was asked for of 3");
  CHECK_THROWS_WITH(make({.inputs = {3}, .classes = 2}),
                    "TensorDataset: inputs float32 [4, 2] came; float32 [samples, [3]] were described");
  CHECK_THROWS_WITH(make({.inputs = {2}, .targets = {1}, .classes = 2}),
                    "TensorDataset: targets int32 [4] came for 4 samples; int32 [samples, [1]] were described");
  CHECK_THROWS_WITH(make({.inputs = {2}, .classes = 2, .class_names = {"a"}}), "Dataset: 1 names came for 2 classes");
  CHECK_THROWS_WITH(make({.inputs = {2}, .classes = 2, .feature_names = {"a"}}),
                    "Dataset: 1 names came for features of shape [2]");
  CHECK_THROWS_WITH(make({.inputs = {2}}),
                    "Dataset: targets are int32 of 0 classes; classes are int32, numbers "
                    "float32 without classes");
  CHECK_THROWS_WITH(make({.inputs = {2}, .vocabulary = 5, .classes = 2}),
                    "Dataset: inputs are float32 and the vocabulary has 5 entries; tokens are int32 and have a "
                    "vocabulary");
  CHECK_THROWS_WITH(Subset(squares(3), {0, 3}), "Subset: sample 3 was asked for of 3");
}

TEST_CASE("a split gives every sample one part, by itself", "[data][split]") {
  const Split parts = split(10'000, 0.1, 0.2, 7);
  std::vector<int> seen(10'000);
  for (const auto* part : {&parts.train, &parts.valid, &parts.test})
    for (const std::int32_t i : *part) ++seen[static_cast<std::size_t>(i)];
  CHECK(std::count(seen.begin(), seen.end(), 1) == 10'000);
  // Binomial: four standard deviations are 120 and 160.
  CHECK(std::abs(static_cast<double>(parts.valid.size()) - 1000) < 120);
  CHECK(std::abs(static_cast<double>(parts.test.size()) - 2000) < 160);

  const Split grown = split(20'000, 0.1, 0.2, 7);
  CHECK(std::equal(parts.test.begin(), parts.test.end(), grown.test.begin()));
  CHECK(std::equal(parts.valid.begin(), parts.valid.end(), grown.valid.begin()));
  CHECK(split(10'000, 0.1, 0.2, 8).valid != parts.valid);
  CHECK(split(5, 0, 0, 1).train == std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(split(5, 0, 1, 1).test.size() == 5);
  CHECK(subset(squares(3), {}) == nullptr);
  CHECK(filled(*subset(squares(10), {4, 9}), {1, 0}).inputs.to_vector() == std::vector<double>{9, 81, 4, 16});
}

TEST_CASE("impossible splits are refused", "[data][split][errors]") {
  CHECK_THROWS_WITH(split(10, 0.6, 0.5, 0),
                    "split: parts of 0.6 and 0.5 were asked for; fractions that sum to at most 1 were wanted");
  CHECK_THROWS_WITH(split(10, -0.1, 0.5, 0),
                    "split: parts of -0.1 and 0.5 were asked for; fractions that sum to at most 1 were wanted");
  CHECK_THROWS_WITH(split(1, 0, 1e-9, 0),
                    "split: none of 1 samples fell into the test part of 1e-09; enlarge the "
                    "part or the set");
}

TEST_CASE("numbers are written with commas", "[data]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(-1234567) == "-1,234,567");
}
