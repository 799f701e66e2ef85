#include "train/average.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("the average follows its formula", "[average]") {
  const bool ramp = GENERATE(true, false);
  AverageOptions options;
  options.decay = 0.9;
  options.ramp = ramp;
  WeightAverage average(options);
  double expected = 0;
  for (int t = 1; t <= 100; ++t) {
    const double w = std::sin(t);
    const double d = ramp ? std::min(0.9, (1.0 + t) / (10.0 + t)) : 0.9;
    expected = t == 1 ? w : d * expected + (1 - d) * w;
    average.update(Tensor::full({37}, DType::float64, w), t);
    CHECK(average.state().at(0) == Approx(expected).epsilon(1e-13));
    CHECK(average.state().at(36) == average.state().at(0));
  }
  CHECK(average.decay(1) == (ramp ? 2.0 / 11 : 0.9));
  CHECK(average.decay(1000) == 0.9);
}

TEST_CASE("the average of weights that stand still is those weights", "[average]") {
  Tensor weights = Tensor::empty({1000}, DType::float32);
  Rng(1, "w").fill_normal(weights, 0, 1);
  WeightAverage average(AverageOptions{});
  for (int t = 1; t <= 20; ++t) average.update(weights, t);
  CHECK(same_bits(average.state(), weights));
}

TEST_CASE("the average has the same bits on any number of threads, and after a restart", "[average]") {
  WeightAverage one(AverageOptions{}), four(AverageOptions{}), resumed(AverageOptions{});
  Tensor weights = Tensor::empty({100003}, DType::float32);
  for (int t = 1; t <= 6; ++t) {
    Rng(1, "w", static_cast<std::uint64_t>(t)).fill_normal(weights, 0, 1);
    one.update(weights, t);
    four.update(weights, t, 4);
    if (t == 3) resumed.state() = one.state().clone();
    if (t > 3) resumed.update(weights, t);
  }
  CHECK(same_bits(one.state(), four.state()));
  CHECK(same_bits(one.state(), resumed.state()));
}

TEST_CASE("the average says what is wrong", "[average][errors]") {
  WeightAverage average(AverageOptions{});
  CHECK(error_of([&] { average.update(Tensor::zeros({3}, DType::float32), 0); }) ==
        "WeightAverage: step 0 came; steps are counted from 1");
  average.update(Tensor::zeros({3}, DType::float32), 1);
  CHECK(error_of([&] { average.update(Tensor::zeros({4}, DType::float32), 2); }) ==
        "WeightAverage: the weights are float32 [4], but their average float32 [3]");
}
