// Tasks of heads and attentions: shares of labels, many classes, symbols held for some frames.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "data/label_proportions.h"
#include "data/speech.h"
#include "data/sphere_classes.h"
#include "tests/support/first_samples.h"

using namespace tempera;

TEST_CASE("documents have the words of their labels, in their shares", "[data][generated]") {
  LabelProportionsDataOptions o;
  o.labels = 4;
  o.fewest = o.most = 1;
  o.shortest = o.longest = 4000;
  o.train = 40;
  const auto words_of_label = [&](int label) {
    const Batch batch = first_of(*o.make()->train, 40);
    for (Index s = 0; s < 40; ++s)
      if (batch.targets.at(s * 4 + label) == 1) return batch.inputs.rows(s, 1).clone();
    FAIL("no document has label " << label);
    return Tensor();
  };
  std::vector<Tensor> words;
  for (int label = 0; label < 4; ++label) words.push_back(words_of_label(label));
  // A word more in 4000 has a share of 1/4000: the mixture of two labels is the mixture of their words.
  o.fewest = o.most = 2;
  const auto source = o.make();
  CHECK(source->task == Task::multi_label);
  const Batch batch = first_of(*source->train, 40);
  for (Index s = 0; s < 40; ++s) {
    double distance = 0, total = 0;
    for (Index w = 0; w < 40; ++w) {
      double mixed = 0;
      for (Index l = 0; l < 4; ++l) mixed += batch.targets.at(s * 4 + l) * words[static_cast<std::size_t>(l)].at(w);
      total += batch.inputs.at(s * 40 + w);
      distance += std::abs(batch.inputs.at(s * 40 + w) - mixed);
    }
    CHECK(total == Approx(1).epsilon(1e-5));
    CHECK(distance < 0.12);
    double shares = 0;
    for (Index l = 0; l < 4; ++l) {
      const double share = batch.targets.at(s * 4 + l);
      CHECK((share == 0 || share == 0.5));
      shares += share;
    }
    CHECK(shares == 1);
  }
}

TEST_CASE("drawn shares sum to one, over as many labels as asked for", "[data][generated]") {
  LabelProportionsDataOptions o;
  o.shares = "random";
  o.train = 60;
  const Batch batch = first_of(*o.make()->train, 60);
  std::set<int> counts;
  for (Index s = 0; s < 60; ++s) {
    int count = 0;
    double sum = 0;
    for (Index l = 0; l < 10; ++l) {
      count += batch.targets.at(s * 10 + l) > 0;
      sum += batch.targets.at(s * 10 + l);
    }
    CHECK(sum == Approx(1).epsilon(1e-6));
    counts.insert(count);
  }
  CHECK(counts == std::set<int>{1, 2, 3, 4, 5});
  o.most = 12;
  o.longest = 100;
  o.test = 1 << 21;
  REQUIRE(o.problems().size() == 3);
  CHECK(o.problems()[0].message == "12 exceeds labels, 10; lower it");
  CHECK(o.problems()[1].message == "200 exceeds longest, 100; lower it");
  CHECK(o.problems()[2].message == "2097152 documents came, which are all kept; at most 1048576");
  CHECK_THROWS_AS(o.make(), Error);
}

TEST_CASE("classes lie around points of a sphere", "[data][generated]") {
  SphereClassesDataOptions o;
  o.classes = 5;
  o.deviation = 0;
  const auto source = o.make();
  const Batch exact = first_of(*source->train, 10), test = first_of(*source->test, 10);
  for (Index s = 0; s < 10; ++s) {
    CHECK(exact.targets.at(s) == static_cast<double>(s % 5));
    double length = 0;
    for (Index i = 0; i < 32; ++i) {
      length += exact.inputs.at(s * 32 + i) * exact.inputs.at(s * 32 + i);
      CHECK(exact.inputs.at(s * 32 + i) == test.inputs.at(s % 5 * 32 + i));  // all parts have the same means
    }
    CHECK(length == Approx(1).epsilon(1e-6));
  }
  o.deviation = 0.2;
  const Batch noisy = first_of(*o.make()->train, 500);
  double squares = 0;
  for (Index s = 0; s < 500; ++s)
    for (Index i = 0; i < 32; ++i)
      squares += std::pow(noisy.inputs.at(s * 32 + i) - exact.inputs.at(s % 5 * 32 + i), 2);
  CHECK(std::sqrt(squares / 16000) == Approx(0.2).epsilon(0.03));
}

TEST_CASE("symbols are held one after another, and are to be written in that order", "[data][generated]") {
  SpeechDataOptions o;
  o.symbols = 5;
  o.noise = 0;
  const auto source = o.make();
  CHECK(source->task == Task::sequence_to_sequence);
  CHECK((source->begin == 5 && source->end == 6));
  const Description& d = source->train->description();
  CHECK(d.inputs == Shape{87, 16});
  CHECK((d.vocabulary == 7 && d.classes == 7));
  const Batch batch = first_of(*source->train, 30);
  std::vector<std::vector<double>> sounds(5);
  std::set<Index> counts, holds, gaps;
  for (Index s = 0; s < 30; ++s) {
    const auto frame = [&](Index t) {
      std::vector<double> values;
      for (Index i = 0; i < 16; ++i) values.push_back(batch.inputs.at((s * 87 + t) * 16 + i));
      return values;
    };
    const std::vector<double> nothing(16, 0.);
    const Index length = static_cast<Index>(batch.lengths.at(s));
    Index t = 0, count = 0;
    for (; batch.targets.at(s * 11 + count) != 6; ++count) {
      Index gap = 0, held = 0;
      while (t < length && frame(t) == nothing) ++gap, ++t;
      if (count > 0) gaps.insert(gap);
      else CHECK(gap == 0);
      auto& sound = sounds[static_cast<std::size_t>(batch.targets.at(s * 11 + count))];
      if (sound.empty()) sound = frame(t);
      while (t < length && frame(t) == sound) ++held, ++t;
      holds.insert(held);
      CHECK(batch.second_inputs.at(s * 11 + count + 1) == batch.targets.at(s * 11 + count));
    }
    CHECK(t == length);
    for (; t < 87; ++t) CHECK(frame(t) == nothing);
    CHECK(batch.second_inputs.at(s * 11) == 5);
    CHECK(batch.second_lengths.at(s) == static_cast<double>(count + 1));
    counts.insert(count);
  }
  CHECK(counts == std::set<Index>{6, 7, 8, 9, 10});
  CHECK(holds == std::set<Index>{2, 3, 4, 5, 6});
  CHECK(gaps == std::set<Index>{1, 2, 3});
  o.fewest = 11;
  REQUIRE(o.problems().size() == 1);
  CHECK(o.problems()[0].message == "11 exceeds most, 10; lower it");
}
