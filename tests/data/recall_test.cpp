#include "data/recall.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/support/first_samples.h"

using namespace tempera;

namespace {

// The places of ones in row `row` of sample `sample` of inputs [B, N, F].
std::vector<Index> ones(const Tensor& inputs, Index sample, Index row) {
  std::vector<Index> found;
  const Index width = inputs.dim(2), at = (sample * inputs.dim(1) + row) * width;
  for (Index j = 0; j < width; ++j) {
    const double x = inputs.at(at + j);
    CHECK((x == 0 || x == 1));
    if (x == 1) found.push_back(j);
  }
  return found;
}

// Key and value of each pair of a sample, by the layout of the rows.
std::map<Index, Index> pairs_of(const PairRecallDataOptions& o, const Tensor& inputs, Index sample) {
  std::map<Index, Index> pairs;
  for (Index i = 0; i < o.pairs; ++i) {
    const std::vector<Index> at = ones(inputs, sample, i);
    REQUIRE(at.size() == 2);
    REQUIRE(at[0] < o.keys);
    REQUIRE(at[1] < o.keys + o.values);
    CHECK(pairs.emplace(at[0], at[1] - o.keys).second);  // keys are distinct
  }
  return pairs;
}

Index asked(const PairRecallDataOptions& o, const Tensor& inputs, Index sample, Index row) {
  const std::vector<Index> at = ones(inputs, sample, row);
  REQUIRE(at.size() == 1);
  REQUIRE(at[0] >= o.keys + o.values);
  return at[0] - o.keys - o.values;
}

}  // namespace

TEST_CASE("pair recall asks for the value of a key that was shown", "[data][recall]") {
  PairRecallDataOptions o;
  const auto source = o.make();
  CHECK(source->train->description().inputs == Shape{25, 104});
  const Batch batch = first_of(*source->train, 40);
  std::set<Index> places;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto pairs = pairs_of(o, batch.inputs, s);
    const Index key = asked(o, batch.inputs, s, 24);
    REQUIRE(pairs.contains(key));
    CHECK(batch.targets.at(s) == static_cast<double>(pairs.at(key)));
    for (Index i = 0; i < 24; ++i)
      if (ones(batch.inputs, s, i)[0] == key) places.insert(i);
  }
  CHECK(places.size() > 12);  // anywhere
}

TEST_CASE("a part of the test asks for keys that were not shown", "[data][recall]") {
  PairRecallDataOptions o;
  o.pairs = 3;
  o.keys = 5;
  const auto answered = o.make();
  o.unanswerable = 0.5;
  const auto source = o.make();
  const Batch before = first_of(*answered->test, 400), batch = first_of(*source->test, 400);
  int without = 0;
  std::set<Index> absent;
  for (Index s = 0; s < 400; ++s) {
    const bool shown = pairs_of(o, batch.inputs, s).contains(asked(o, batch.inputs, s, 3));
    CHECK((batch.targets.at(s) == -1) == !shown);
    without += !shown;
    if (!shown) absent.insert(asked(o, batch.inputs, s, 3));
    else CHECK(batch.targets.at(s) == before.targets.at(s));  // the others stay as they are
  }
  CHECK(std::abs(without - 200) < 50);
  CHECK(absent.size() == 5);
  const Batch train = first_of(*source->train, 100);
  for (Index s = 0; s < 100; ++s) CHECK(train.targets.at(s) >= 0);
  o.keys = 3;
  REQUIRE(o.problems().size() == 1);
  CHECK(o.problems()[0].message == "all 3 keys are shown, none is left to ask for; set it to 0, or raise keys");
}

TEST_CASE("fused recall asks for every key once, in another order", "[data][recall]") {
  FusedRecallDataOptions o;
  const auto source = o.make();
  CHECK(source->task == Task::language_model);
  const Batch batch = first_of(*source->train, 20);
  bool reordered = false;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto pairs = pairs_of(o, batch.inputs, s);
    std::set<Index> questions;
    for (Index i = 0; i < 12; ++i) {
      CHECK(batch.targets.at(s * 24 + i) == -1);
      const Index key = asked(o, batch.inputs, s, 12 + i);
      CHECK(questions.insert(key).second);
      REQUIRE(pairs.contains(key));
      CHECK(batch.targets.at(s * 24 + 12 + i) == static_cast<double>(pairs.at(key)));
      reordered |= ones(batch.inputs, s, i)[0] != key;
    }
  }
  CHECK(reordered);
}

TEST_CASE("associative recall shows pairs, then each key again", "[data][recall]") {
  AssociativeRecallDataOptions o;
  o.length = GENERATE(32, 40);
  o.filler = GENERATE("zero", "any");
  o.power = 1;
  const auto source = o.make();
  const Batch batch = first_of(*source->train, 200);
  std::map<Index, int> where;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto token = [&](Index i) { return static_cast<Index>(batch.inputs.at(s * o.length + i)); };
    std::map<Index, Index> pairs;
    for (Index i = 0; i < o.pairs; ++i) {
      CHECK((token(2 * i) >= 1 && token(2 * i) < 32));
      CHECK((token(2 * i + 1) >= 32 && token(2 * i + 1) < 64));
      CHECK(pairs.emplace(token(2 * i), token(2 * i + 1)).second);
    }
    std::set<Index> questions;
    for (Index i = 0; i < o.length; ++i) {
      const double target = batch.targets.at(s * o.length + i);
      if (target < 0) {
        if (i >= 8 && o.filler == "zero") CHECK(token(i) == 0);
        continue;
      }
      CHECK(i >= 8);
      CHECK(i % 2 == 0);
      ++where[i];
      CHECK(questions.insert(token(i)).second);
      REQUIRE(pairs.contains(token(i)));
      CHECK(target == static_cast<double>(pairs.at(token(i))));
    }
    CHECK(questions.size() == 4);
  }
  // Power 1: each of the (length - 8) / 2 places as often, 800 questions in all. Five deviations.
  const double places = (o.length - 8) / 2, expected = 800 / places;
  CHECK(where.size() == static_cast<std::size_t>(places));
  for (const auto& [place, count] : where) CHECK(std::abs(count - expected) < 5 * std::sqrt(expected));
}

TEST_CASE("near power 0 keys are asked for soon", "[data][recall]") {
  // Of one pair in 16 tokens the gap g in 0 .. 6 has probability (g + 1)^-0.99 / sum.
  AssociativeRecallDataOptions o;
  o.length = 16;
  o.pairs = 1;
  const Batch batch = first_of(*o.make()->train, 4000);
  std::vector<double> count(7, 0);
  for (Index s = 0; s < batch.size(); ++s)
    for (Index i = 0; i < 16; ++i)
      if (batch.targets.at(s * 16 + i) >= 0) ++count[static_cast<std::size_t>((i - 2) / 2)];
  double sum = 0;
  for (int g = 0; g < 7; ++g) sum += std::pow(g + 1, -0.99);
  for (int g = 0; g < 7; ++g) {
    const double p = std::pow(g + 1, -0.99) / sum;
    CHECK(std::abs(count[static_cast<std::size_t>(g)] - 4000 * p) < 5 * std::sqrt(4000 * p * (1 - p)));
  }
}

TEST_CASE("the needle that is asked for lies where it should", "[data][recall]") {
  NeedleDataOptions o;
  o.needles = GENERATE(1, 5);
  o.from = 0.5;
  o.to = 0.75;
  const auto source = o.make();
  CHECK(source->train->description().vocabulary == 32);
  const Batch batch = first_of(*source->train, 200);
  std::set<Index> places;
  for (Index s = 0; s < batch.size(); ++s) {
    const auto token = [&](Index i) { return static_cast<Index>(batch.inputs.at(s * 64 + i)); };
    std::map<Index, Index> where;
    for (Index i = 0; i < 63; ++i)
      if (token(i) >= 8 && token(i) < 16) CHECK(where.emplace(token(i), i).second);
    CHECK(where.size() == static_cast<std::size_t>(o.needles));
    REQUIRE(where.contains(token(63)));
    const Index at = where[token(63)];
    places.insert(at);
    CHECK((at >= 30 && at < 46));  // slots 15 .. 22 of 31
    CHECK(token(at + 1) < 8);
    for (Index i = 0; i < 63; ++i) CHECK(batch.targets.at(s * 64 + i) == -1);
    CHECK(batch.targets.at(s * 64 + 63) == static_cast<double>(token(at + 1)));
  }
  CHECK(places.size() == 8);
}

TEST_CASE("recall that cannot be is told", "[data][recall][errors]") {
  PairRecallDataOptions pairs;
  pairs.pairs = 50;
  CHECK(pairs.problems()[0].message == "50 distinct keys of 48 cannot be shown; lower it or raise keys");
  AssociativeRecallDataOptions recall;
  recall.pairs = 40;
  REQUIRE(recall.problems().size() == 2);
  CHECK(recall.problems()[0].message == "40 pairs and as many questions take 160 tokens, but length is 64; lower it");
  CHECK(recall.problems()[1].message == "64 tokens have 31 keys, fewer than 40 pairs; raise it");
  CHECK_THROWS_AS(recall.make(), Error);
  NeedleDataOptions needle;
  needle.needles = 9;
  needle.length = 15;
  needle.from = 0.9;
  needle.to = 0.1;
  REQUIRE(needle.problems().size() == 3);
  CHECK(needle.problems()[0].message == "9 needles need as many keys, but there are 8; lower it");
  CHECK(needle.problems()[1].message == "9 needles and a question take 19 tokens, but length is 15; lower it");
  CHECK(needle.problems()[2].message == "0.9 exceeds to, 0.1; lower it");
}
