#include "train/schedule.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("every schedule rises to its peak at the last step of the warm-up", "[schedule]") {
  for (const Kind& kind : schedule_kinds()) {
    INFO(kind.name);
    const auto options = kind.make();
    auto& schedule = dynamic_cast<ScheduleOptions&>(*options);
    schedule.warmup = 10;
    CHECK(schedule.factor(1, 100) == 0.1);
    CHECK(schedule.factor(7, 100) == 0.7);
    CHECK(schedule.factor(10, 100) == 1);
    CHECK(schedule.factor(11, 100) <= 1);
    CHECK(schedule.factor(11, 100) > 0.9);
    // A run shorter than its warm-up ends on the way up.
    CHECK(schedule.factor(5, 5) == 0.5);
    schedule.warmup = 0;
    CHECK(schedule.factor(1, 1000) >= 0.99);
  }
}

TEST_CASE("constant", "[schedule]") {
  const ConstantSchedule schedule;
  for (const std::int64_t step : {1, 2, 50, 100, 1000}) CHECK(schedule.factor(step, 100) == 1);
}

TEST_CASE("linear falls from the peak to the final share", "[schedule]") {
  LinearSchedule schedule;
  schedule.warmup = 20;
  CHECK(schedule.factor(60, 100) == 0.5);
  CHECK(schedule.factor(99, 100) == Approx(1.0 / 80));
  CHECK(schedule.factor(100, 100) == 0);
  CHECK(schedule.factor(101, 100) == 0);
  schedule.final = 0.25;
  CHECK(schedule.factor(60, 100) == 0.625);
  CHECK(schedule.factor(100, 100) == 0.25);
  CHECK(schedule.factor(5000, 100) == 0.25);
}

TEST_CASE("cosine falls along half a wave", "[schedule]") {
  CosineSchedule schedule;
  schedule.warmup = 20;
  CHECK(schedule.factor(20, 100) == 1);
  CHECK(schedule.factor(40, 100) == Approx((1 + std::sqrt(0.5)) / 2).epsilon(1e-15));
  CHECK(schedule.factor(60, 100) == Approx(0.5).epsilon(1e-15));
  CHECK(schedule.factor(100, 100) == 0);
  schedule.final = 0.1;
  CHECK(schedule.factor(60, 100) == Approx(0.55).epsilon(1e-15));
  CHECK(schedule.factor(100, 100) == 0.1);
  CHECK(schedule.factor(200, 100) == 0.1);
}

TEST_CASE("inverse_sqrt falls with the root of the step, whatever the length of the run", "[schedule]") {
  InverseSqrtSchedule schedule;
  schedule.warmup = 100;
  CHECK(schedule.factor(400, 1000) == 0.5);
  CHECK(schedule.factor(400, 1000000) == 0.5);
  CHECK(schedule.factor(10000, 1000) == 0.1);
  schedule.warmup = 0;
  CHECK(schedule.factor(1, 1000) == 1);
  CHECK(schedule.factor(4, 1000) == 0.5);
}

TEST_CASE("wsd stays and then falls", "[schedule]") {
  WsdSchedule schedule;
  schedule.warmup = 10;
  for (const std::int64_t step : {10, 11, 50, 80}) CHECK(schedule.factor(step, 100) == 1);
  CHECK(schedule.factor(81, 100) == Approx(0.95).epsilon(1e-14));
  CHECK(schedule.factor(90, 100) == 0.5);
  CHECK(schedule.factor(100, 100) == 0);
  CHECK(schedule.factor(101, 100) == 0);
  schedule.form = "sqrt";
  schedule.final = 0.5;
  CHECK(schedule.factor(85, 100) == Approx(1 - 0.5 * 0.5).epsilon(1e-14));
  CHECK(schedule.factor(100, 100) == 0.5);
  schedule.decay = 0;
  CHECK(schedule.factor(99, 100) == 1);
  CHECK(schedule.factor(100, 100) == 0.5);
  schedule.decay = 1;
  schedule.warmup = 0;
  schedule.form = "linear";
  schedule.final = 0;
  CHECK(schedule.factor(25, 100) == 0.75);
}

TEST_CASE("a schedule refuses steps before the first", "[schedule][errors]") {
  const CosineSchedule schedule;
  CHECK(error_of([&] { schedule.factor(0, 10); }) == "schedule: step 0 of 10 came; steps are counted from 1");
  CHECK(error_of([&] { schedule.factor(1, 0); }) == "schedule: step 1 of 0 came; steps are counted from 1");
}
