#include "train/claims/verdict.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace tempera;

namespace {

using Values = std::vector<Observed>;
const double kNan = std::nan("");

Values plain(std::initializer_list<double> values) {
  Values all;
  for (const double value : values) all.push_back({value, false});
  return all;
}

Expectation exceeds(double by = 0) {
  Expectation e;
  e.metric = "test_accuracy";
  e.of = "a";
  e.above = "b";
  e.by = by;
  return e;
}

Expectation stays_below() {
  Expectation e = exceeds();
  std::swap(e.above, e.below);
  return e;
}

Expectation number(std::optional<double> at_least, std::optional<double> at_most, bool every = false) {
  Expectation e;
  e.metric = "test_accuracy";
  e.of = "a";
  e.at_least = at_least;
  e.at_most = at_most;
  e.every = every;
  return e;
}

}  // namespace

TEST_CASE("a comparison holds, fails, or stays undecided", "[claims]") {
  const Values high = plain({0.90, 0.92, 0.91}), low = plain({0.80, 0.81, 0.79});
  CHECK(decide(exceeds(), high, low).outcome == Outcome::holds);
  CHECK(decide(exceeds(), low, high).outcome == Outcome::fails);
  CHECK(decide(stays_below(), low, high).outcome == Outcome::holds);
  CHECK(decide(stays_below(), high, low).outcome == Outcome::fails);
  CHECK(decide(exceeds(), plain({0.9, 0.7, 0.8}), low).outcome == Outcome::undecided);
  CHECK(decide(exceeds(), plain({2.4142136, -0.4142136}), plain({0, 0})).reason ==
        "about 13 seeds would settle it, if the differences stay as they are");
  CHECK(decide(exceeds(), low, low).outcome == Outcome::undecided);

  // Twice 0.40 is below 0.90, three times is not.
  Expectation multiple = exceeds();
  multiple.times = 2;
  CHECK(decide(multiple, high, plain({0.40, 0.41, 0.42})).outcome == Outcome::holds);
  CHECK(multiple.text() == "test_accuracy of a above 2 times b");
  multiple.times = 3;
  CHECK(decide(multiple, high, plain({0.40, 0.41, 0.42})).outcome == Outcome::fails);
  Expectation share = stays_below();
  share.times = 0.6;
  CHECK(decide(share, plain({0.40, 0.41, 0.42}), high).outcome == Outcome::holds);
  CHECK(decide(share, plain({0.60, 0.61, 0.62}), high).outcome == Outcome::fails);

  // The differences are 0.10, 0.11, 0.12: t of a margin of 0.09 is 2 sqrt(3), p 0.037 (paired_test_test.cpp).
  const Verdict close = decide(exceeds(0.09), high, low);
  CHECK(close.outcome == Outcome::holds);
  CHECK(close.test.p_t == Approx(0.0371).epsilon(1e-3));
  CHECK(close.of.mean == Approx(0.91));
  CHECK(close.other.mean == Approx(0.80));
  CHECK(decide(exceeds(0.105), high, low).outcome == Outcome::undecided);
  CHECK(decide(exceeds(0.2), high, low).outcome == Outcome::fails);
}

TEST_CASE("one seed, or a run without a value, decides no comparison", "[claims]") {
  const Verdict one = decide(exceeds(), plain({0.9}), plain({0.1}));
  CHECK(one.outcome == Outcome::undecided);
  CHECK(one.reason == "one seed decides nothing");
  const Verdict gone = decide(exceeds(), plain({0.9, kNan, 0.9}), plain({0.1, 0.1, 0.1}));
  CHECK(gone.outcome == Outcome::undecided);
  CHECK(gone.reason == "1 run has no value");
  CHECK(gone.of.n == 2);
  CHECK(decide(number(0.5, {}), plain({kNan, kNan})).outcome == Outcome::undecided);
  CHECK(decide(number(0.5, {}), {}).outcome == Outcome::undecided);
}

TEST_CASE("a number is reached by the mean, or by every seed", "[claims]") {
  const Values values = plain({0.85, 0.95, 0.96});
  CHECK(decide(number(0.9, {}), values).outcome == Outcome::holds);
  CHECK(decide(number(0.93, {}), values).outcome == Outcome::fails);
  const Verdict each = decide(number(0.9, {}, true), values);
  CHECK(each.outcome == Outcome::fails);
  CHECK(each.reason == "2 of 3 seeds do");
  CHECK(decide(number({}, 0.96, true), values).outcome == Outcome::holds);
  CHECK(decide(number({}, 0.9), values).outcome == Outcome::fails);
  CHECK(decide(number(0.9, {}), plain({0.9})).outcome == Outcome::holds);
}

TEST_CASE("a threshold that was never reached is a lower bound", "[claims]") {
  const Values soon{{500, false}, {600, false}, {550, false}};
  const Values never{{3000, true}, {3000, true}, {3000, true}};
  const Verdict later = decide(stays_below(), soon, never);
  CHECK(later.outcome == Outcome::holds);
  CHECK(later.reason == "3 of 6 seeds never reached it and count with all their steps");
  CHECK(decide(stays_below(), never, soon).outcome == Outcome::fails);
  CHECK(decide(exceeds(), never, soon).outcome == Outcome::holds);
  CHECK(decide(stays_below(), never, never).outcome == Outcome::undecided);
  // Two of three are sooner; the third might never come.
  const Values some{{500, false}, {500, false}, {1000, true}};
  CHECK(decide(stays_below(), some, plain({3000, 3000, 3100})).outcome == Outcome::undecided);
  CHECK(decide(number({}, 4000), never).outcome == Outcome::fails);
  CHECK(decide(number(2000, {}), never).outcome == Outcome::holds);
  CHECK(decide(number({}, 4000, true), some).outcome == Outcome::fails);
}
