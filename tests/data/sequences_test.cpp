#include "data/sequences.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "data/generated.h"
#include "data/split.h"
#include "tests/support/folder.h"

using namespace tempera;

namespace {

using Tokens = std::vector<double>;

Batch first(const Dataset& set, std::int64_t count) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(i);
  Batch batch;
  set.fill(ids, batch);
  return batch;
}

// Row `row` of [B, N], up to its length.
Tokens tokens_of(const Tensor& all, const Tensor& lengths, Index row) {
  const Tokens values = all.rows(row, 1).to_vector();
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(lengths.at(row))};
}

const Description kWritten{.inputs = {3},
                           .input_type = DType::int32,
                           .targets = {4},
                           .vocabulary = 9,
                           .classes = 9,
                           .lengths = true,
                           .second_inputs = {4}};

}  // namespace

TEST_CASE("a target is read behind the begin token and said before the end token", "[data][sequences]") {
  const TokenSamples set({{{5, 6}, {1, 2, 3}}, {{}, {}}, {{4, 4, 4}, {6}}}, kWritten, 7, 8);
  const Batch batch = first(set, 3);
  CHECK(batch.inputs.to_vector() == Tokens{5, 6, 0, 0, 0, 0, 4, 4, 4});
  CHECK(batch.lengths.to_vector() == Tokens{2, 0, 3});
  CHECK(batch.second_inputs.to_vector() == Tokens{7, 1, 2, 3, 7, 0, 0, 0, 7, 6, 0, 0});
  CHECK(batch.second_lengths.to_vector() == Tokens{4, 1, 2});
  CHECK(batch.targets.to_vector() == Tokens{1, 2, 3, 8, 8, -1, -1, -1, 6, 8, -1, -1});
  SECTION("shards and subsets keep all of it") {
    const Batch shard = batch.rows(1, 2);
    const Batch chosen =
        first(*subset(std::make_shared<TokenSamples>(
                          std::vector<TokenSample>{{{5, 6}, {1, 2, 3}}, {{}, {}}, {{4, 4, 4}, {6}}}, kWritten, 7, 8),
                      {1, 2}),
              2);
    for (const Batch& b : {shard, chosen}) {
      CHECK(b.lengths.to_vector() == Tokens{0, 3});
      CHECK(b.second_inputs.to_vector() == Tokens{7, 0, 0, 0, 7, 6, 0, 0});
      CHECK(b.second_lengths.to_vector() == Tokens{1, 2});
    }
  }
  CHECK(set.describe() ==
        "3 samples; inputs int32 [3] and [4] with lengths, vocabulary 9; targets int32 [4], 9 classes");
}

TEST_CASE("a batch forgets the lengths and pairs of the set before", "[data][sequences]") {
  const TokenSamples pairs({{{1}, {2}, 1}}, {.inputs = {2},
                                             .input_type = DType::int32,
                                             .vocabulary = 3,
                                             .classes = 2,
                                             .lengths = true,
                                             .second_inputs = {3}});
  Batch batch;
  pairs.fill(std::vector<std::int64_t>{0}, batch);
  CHECK(batch.second_inputs.to_vector() == Tokens{2, 0, 0});
  CHECK(batch.second_lengths.to_vector() == Tokens{1});
  CHECK(batch.targets.to_vector() == Tokens{1});
  ModularDataOptions plain;
  plain.p = 5;
  plain.make()->train->fill(std::vector<std::int64_t>{0}, batch);
  CHECK_FALSE(batch.lengths.defined());
  CHECK_FALSE(batch.second_inputs.defined());
  CHECK_FALSE(batch.second_lengths.defined());
}

TEST_CASE("sequences that do not fit their description are refused", "[data][sequences][errors]") {
  const auto error = [](std::vector<TokenSample> samples, const Description& d) {
    return TestFolder().error_of([&] { TokenSamples(std::move(samples), d); });
  };
  CHECK(error({{{1, 2, 3, 4}, {}}}, kWritten) == "TokenSamples: a sequence has 4 tokens; at most 3 were described");
  CHECK(error({{{1}, {1, 2, 3, 4}}}, kWritten) == "TokenSamples: a second sequence has 4 tokens; there is room for 3");
  Description no_lengths = kWritten;
  no_lengths.lengths = false;
  CHECK(error({}, no_lengths) == "TokenSamples: the description has no lengths; sequences in memory have some");
  CHECK(error({}, {.inputs = {2}, .classes = 2, .lengths = true}) ==
        "Dataset: inputs are float32 [2]; only tokens [N] and vectors [N, features] have lengths or come in "
        "pairs");
}

TEST_CASE("what is written is the source copied, reversed or sorted", "[data][generated]") {
  SequenceDataOptions options;
  options.task = GENERATE("copy", "reverse", "sort");
  options.shortest = 2;
  options.longest = 6;
  options.symbols = 4;
  const auto source = options.make();
  CHECK(source->task == Task::sequence_to_sequence);
  CHECK((source->begin == 4 && source->end == 5));
  const Batch batch = first(*source->train, 200);
  std::vector<int> seen(7);
  for (Index i = 0; i < batch.size(); ++i) {
    Tokens wanted = tokens_of(batch.inputs, batch.lengths, i);
    ++seen[wanted.size()];
    if (options.task == "reverse") std::reverse(wanted.begin(), wanted.end());
    if (options.task == "sort") std::sort(wanted.begin(), wanted.end());
    wanted.insert(wanted.begin(), 4);
    REQUIRE(tokens_of(batch.second_inputs, batch.second_lengths, i) == wanted);
    wanted.erase(wanted.begin());
    wanted.push_back(5);
    REQUIRE(tokens_of(batch.targets, batch.second_lengths, i) == wanted);
  }
  CHECK(seen[1] == 0);
  for (const std::size_t length : {2u, 3u, 4u, 5u, 6u}) CHECK(seen[length] > 20);
  CHECK(first(*source->train, 3).inputs.to_vector() != first(*source->valid, 3).inputs.to_vector());
}

TEST_CASE("half of the topic pairs share the topic that most of their words are from", "[data][generated]") {
  TopicPairsDataOptions options;
  options.noise = 0;
  const auto source = options.make();
  const Batch batch = first(*source->train, 400);
  const auto topic = [&](const Tensor& all, const Tensor& lengths, Index row) {
    const Tokens words = tokens_of(all, lengths, row);
    REQUIRE((words.size() >= 8 && words.size() <= 24));
    const auto own = static_cast<int>(words[0]) / options.words;
    for (const double word : words) REQUIRE(static_cast<int>(word) / options.words == own);
    return own;
  };
  double same = 0;
  for (Index i = 0; i < batch.size(); ++i) {
    const bool shared = topic(batch.inputs, batch.lengths, i) == topic(batch.second_inputs, batch.second_lengths, i);
    REQUIRE(shared == (batch.targets.at(i) == 1));
    same += shared;
  }
  CHECK(std::abs(same - 200) < 40);  // four deviations
}

TEST_CASE("generated sequences name what is out of order", "[data][generated][errors]") {
  SequenceDataOptions sequences;
  sequences.shortest = 13;
  CHECK(sequences.problems().at(0).message == "13 exceeds longest, 12; lower it");
  TopicPairsDataOptions pairs;
  pairs.shortest = 25;
  CHECK(pairs.problems().at(0).message == "25 exceeds longest, 24; lower it");
}
