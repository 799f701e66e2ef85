#include "data/latest_symbol.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/first_samples.h"

using namespace tempera;

TEST_CASE("the symbol that came last is asked for, as far back as wanted", "[data][latest]") {
  LatestSymbolDataOptions o;
  o.length = 96;
  o.nearest = GENERATE(0, 8);
  o.farthest = GENERATE(14, 1 << 20);
  const auto source = o.make();
  CHECK(source->train->description().classes == 8);
  constexpr Index kSamples = 400;
  const Batch batch = first_of(*source->train, kSamples);
  Index symbols = 0, asked = 0;
  for (Index s = 0; s < kSamples; ++s) {
    Index last = -1;
    for (Index i = 0; i < o.length; ++i) {
      const double token = batch.inputs.at(s * o.length + i);
      REQUIRE((token >= 0 && token < 8));
      if (token >= 4) last = i;
      symbols += i > 0 && token >= 4;
      REQUIRE(last >= 0);  // the first token is one
      const double target = batch.targets.at(s * o.length + i);
      const bool wanted = i - last >= o.nearest && i - last <= o.farthest;
      asked += wanted;
      CHECK(target == (wanted ? batch.inputs.at(s * o.length + last) : -1));
    }
  }
  CHECK(asked > 0);
  const double n = static_cast<double>(kSamples * (o.length - 1)), mean = 0.06 * n;
  CHECK(std::abs(static_cast<double>(symbols) - mean) < 5 * std::sqrt(mean));
}

TEST_CASE("questions without an answer are refused", "[data][latest][errors]") {
  LatestSymbolDataOptions o;
  o.nearest = 40;
  o.farthest = 39;
  const auto problems = o.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message == "40 exceeds farthest, 39; lower it");
  CHECK(problems[1].message == "no symbol is 40 tokens back in 32 tokens; lower it");
  CHECK_THROWS_AS(o.make(), Error);
  o = {};
  o.nearest = 1;
  o.share = 1;
  REQUIRE(o.problems().size() == 1);
  CHECK(o.problems()[0].message == "every token is a symbol, none is farther back; lower it");
}
