#include "train/early_stopping.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

EarlyStoppingOptions options(std::int64_t patience, double min_delta, std::string mode) {
  EarlyStoppingOptions o;
  o.patience = patience;
  o.min_delta = min_delta;
  o.mode = std::move(mode);
  return o;
}

// The step after which training stops; 0: never.
std::int64_t stops_at(const EarlyStoppingOptions& o, std::initializer_list<double> values) {
  EarlyStopping stopping(o);
  std::int64_t step = 0;
  for (const double value : values) {
    stopping.update(++step, value);
    if (stopping.stop()) return step;
  }
  return 0;
}

}  // namespace

TEST_CASE("training stops after `patience` evaluations without a better one", "[early_stopping]") {
  CHECK(stops_at(options(2, 0, "min"), {3, 2, 2.5, 2.4}) == 4);
  CHECK(stops_at(options(2, 0, "min"), {3, 2, 2.5, 1.9, 2.4}) == 0);
  CHECK(stops_at(options(1, 0, "min"), {3, 3}) == 2);  // as good is not better
  CHECK(stops_at(options(2, 0, "max"), {3, 2, 2.5}) == 3);
  CHECK(stops_at(options(2, 0, "max"), {1, 2, 3, 4}) == 0);
}

TEST_CASE("a gain counts when it exceeds min_delta over the best", "[early_stopping]") {
  CHECK(stops_at(options(2, 0.5, "min"), {3, 2.75, 2.5}) == 3);  // exactly min_delta is not beyond it
  CHECK(stops_at(options(2, 0.5, "min"), {3, 2.75, 2.25}) == 0);
}

TEST_CASE("values that are no numbers are never better", "[early_stopping]") {
  CHECK(stops_at(options(2, 0, "min"), {NAN, NAN}) == 2);
  CHECK(stops_at(options(3, 0, "min"), {NAN, 1, NAN, NAN, 0.5}) == 0);
  CHECK(stops_at(options(2, 0, "min"), {INFINITY, 5, INFINITY, INFINITY}) == 4);
}

TEST_CASE("the best step is known, and the state goes on where it was", "[early_stopping]") {
  EarlyStopping stopping(options(2, 0, "min"));
  CHECK(stopping.update(10, 3));
  CHECK(stopping.update(20, 2));
  CHECK_FALSE(stopping.update(30, 4));
  CHECK(stopping.state().best == 2);
  CHECK(stopping.state().best_step == 20);
  EarlyStopping resumed(options(2, 0, "min"));
  resumed.restore(stopping.state());
  CHECK_FALSE(resumed.stop());
  CHECK_FALSE(resumed.update(40, 2));
  CHECK(resumed.stop());
}

TEST_CASE("without patience nothing stops, and the direction is known by name", "[early_stopping]") {
  CHECK(stops_at(options(0, 0, "min"), {3, 4, 5, 6, 7}) == 0);
  EarlyStoppingOptions o = options(2, 0, "auto");
  CHECK(stops_at(o, {3, 2, 2.5, 2.4}) == 4);  // a loss
  o.metric = "accuracy";
  CHECK(stops_at(o, {3, 2, 2.5}) == 3);
}

TEST_CASE("early stopping says what is wrong", "[early_stopping][errors]") {
  CHECK(error_of([] { EarlyStopping(options(2, 0, "least")); }) ==
        "EarlyStopping: the mode is 'least'; min, max or auto was wanted");
  CHECK(error_of([] { EarlyStopping(options(-1, 0, "min")); }) ==
        "EarlyStopping: the patience is -1; at least 0 was wanted");
  EarlyStoppingOptions o = options(2, 0, "auto");
  o.metric = "colour";
  CHECK(error_of([&] { EarlyStopping{o}; }) ==
        "EarlyStopping: nobody knows whether a lower or a higher 'colour' is better; set stopping.mode to min or max");
}
