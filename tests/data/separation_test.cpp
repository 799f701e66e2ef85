#include <catch2/catch.hpp>
#include <cmath>

#include "data/generated.h"

using namespace tempera;

namespace {

Batch first(const Dataset& set, std::int64_t count) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(i);
  Batch batch;
  set.fill(all, batch);
  return batch;
}

}  // namespace

TEST_CASE("the two classes of the separation", "[data][generated]") {
  SeparationDataOptions options;
  options.copies = 3;
  options.width = 7;  // 15 tokens
  const auto source = options.make();
  CHECK(source->train->description().inputs == Shape{15, 7});
  const Batch batch = first(*source->train, 60);
  const double l = std::sqrt(std::log(15.));
  int seconds = 0, places = 0;
  for (Index sample = 0; sample < 60; ++sample) {
    const auto at = [&](Index i, Index c) { return batch.inputs.at((sample * 15 + i) * 7 + c); };
    const bool second = batch.targets.at(sample) == 1;
    seconds += second;
    int marks = 0;
    for (Index i = 0; i < 15; ++i) {
      for (Index c = 1; c < 6; ++c) CHECK(at(i, c) == Approx(c == 1 + i % 5 ? 0.2 * l : 0).margin(1e-12));
      CHECK(at(i, 6) == Approx(0.8 * l));
      if (at(i, 0) == 0) continue;
      ++marks;
      places += i >= 7;
      CHECK(at(i, 0) == Approx((second ? 0.7 : 0.05) * l));
    }
    CHECK(marks == 1);
  }
  CHECK(std::abs(seconds - 30) < 16);
  CHECK(std::abs(places - 32) < 16);
  options.high = 0.05;
  REQUIRE(options.problems().size() == 1);
  CHECK(options.problems()[0].message == "0.05 does not exceed low 0.05, so nothing sets the classes apart; raise it");
}

TEST_CASE("one token bears the mark, and its code is the class", "[data][generated]") {
  MarkedTokenDataOptions options;
  options.tokens = 6;
  options.noise = 0;
  const auto source = options.make();
  const Batch batch = first(*source->train, 80), other = first(*source->test, 80);
  std::vector<std::vector<double>> codes(4);
  const auto check = [&](const Batch& from) {
    for (Index sample = 0; sample < 80; ++sample) {
      int marks = 0;
      for (Index i = 0; i < 6; ++i) {
        double length = 0;
        std::vector<double> code;
        for (Index c = 0; c < 16; ++c) {
          const double x = from.inputs.at((sample * 6 + i) * 16 + c);
          if (c < 8) length += x * x;
          else code.push_back(x);
        }
        if (length == 0) continue;
        ++marks;
        CHECK(std::sqrt(length) == Approx(2).epsilon(1e-6));
        auto& known = codes[static_cast<std::size_t>(from.targets.at(sample))];
        if (known.empty()) known = code;
        CHECK(known == code);
      }
      CHECK(marks == 1);
    }
  };
  check(batch);
  check(other);  // the same codes in all parts
  CHECK(batch.inputs.to_vector() != other.inputs.to_vector());
}
