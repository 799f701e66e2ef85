#include "losses/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

Tensor floats(const Shape& shape, std::initializer_list<double> values) {
  return Tensor::from<double>(shape, values).to(DType::float32);
}
Tensor classes(std::initializer_list<std::int32_t> values) {
  return Tensor::from<std::int32_t>({static_cast<Index>(values.size())}, values);
}

// log of the probabilities, so that softmax gives them back.
Tensor probabilities(const Shape& shape, std::initializer_list<double> values) {
  Tensor x = Tensor::from<double>(shape, values);
  x.vec<double>() = x.vec<double>().log();
  return x;
}

}  // namespace

TEST_CASE("accuracy is a ratio of integers", "[metrics]") {
  const Tensor x = floats({5, 3}, {0, 1, 2, 5, 5, 1, 0, 0, 9, 1, 0, 0, -1, -2, -3});
  Ratio ratio = accuracy(x, classes({2, 1, 0, -1, 0}));  // hit, tie lost, miss, ignored, hit
  CHECK(ratio.hits == 2);
  CHECK(ratio.total == 4);
  CHECK(ratio.value() == 0.5);
  ratio.merge(accuracy(x, classes({2, 0, 2, 0, 0})));
  CHECK(ratio.hits == 7);
  CHECK(ratio.total == 9);
  CHECK(std::isnan(Ratio{}.value()));
  CHECK(std::isnan(accuracy(x, classes({-1, -1, -1, -1, -1})).value()));
  // NaN counts as the largest, the first of them.
  CHECK(accuracy(floats({2, 3}, {1, kNaN, 9, kNaN, 1, kNaN}), classes({1, 0})).hits == 2);
}

TEST_CASE("top-k accuracy counts the logits ahead of the target", "[metrics]") {
  const Tensor x = floats({4, 4}, {4, 3, 2, 1, 4, 3, 2, 1, 1, 1, 1, 1, 1, 2, kNaN, 0});
  const Tensor t = classes({0, 2, 1, 1});
  CHECK(top_k_accuracy(x, t, 1).hits == 1);
  CHECK(top_k_accuracy(x, t, 2).hits == 2);  // the third row's target has one equal before it
  CHECK(top_k_accuracy(x, t, 3).hits == 3);
  CHECK(top_k_accuracy(x, t, 100).hits == 3);  // NaN is a miss
  CHECK(top_k_accuracy(x, t, 3).total == 4);
  CHECK(top_k_accuracy(x, classes({0, -1, -1, -1}), 1).value() == 1);
}

TEST_CASE("perplexity and bits", "[metrics]") {
  CHECK(perplexity(10 * std::log(7), 10) == Approx(7).epsilon(1e-14));
  CHECK(bits_per_unit(8 * std::log(2), 4) == Approx(2).epsilon(1e-15));
  // Tokens of 4 bytes that cost 3 bits each.
  CHECK(bits_per_byte(3 * std::log(2), 4) == Approx(0.75).epsilon(1e-15));
  CHECK(std::isnan(perplexity(0, 0)));
  CHECK(std::isnan(bits_per_unit(0, 0)));
}

TEST_CASE("calibration compares confidence with accuracy, bin by bin", "[metrics]") {
  Calibration calibration(4);
  CHECK(std::isnan(calibration.error()));
  // Confidences 0.6 (right), 0.7 (wrong) in (1/2, 3/4]; 0.9 (right) in (3/4, 1]; 0.5 (wrong) in (1/4, 1/2].
  calibration.add(probabilities({4, 2}, {0.6, 0.4, 0.3, 0.7, 0.9, 0.1, 0.5, 0.5}), classes({0, 0, 0, 1}));
  CHECK(calibration.bins()[0].count == 0);
  CHECK(calibration.bins()[1].count == 1);
  CHECK(calibration.bins()[2].count == 2);
  CHECK(calibration.bins()[2].correct == 1);
  CHECK(calibration.bins()[3].count == 1);
  const double expected = (0.5 + 2 * std::abs(0.5 - 0.65) + 0.1) / 4;
  CHECK(calibration.error() == Approx(expected).epsilon(1e-14));
  SECTION("shards merge") {
    Calibration whole(4), first(4), second(4);
    const Tensor x = probabilities({3, 2}, {0.6, 0.4, 0.3, 0.7, 0.9, 0.1});
    whole.add(x, classes({0, 0, 1}));
    first.add(x.rows(0, 2), classes({0, 0}));
    second.add(x.rows(2, 1), classes({1}));
    first.merge(second);
    CHECK(first.error() == Approx(whole.error()).epsilon(1e-15));
  }
  SECTION("answers that are always right and certain are perfectly calibrated") {
    Calibration sure;
    sure.add(floats({2, 3}, {1000, 0, 0, 0, -kInf, 1000}), classes({0, 2}));
    CHECK(sure.error() == 0);
    sure.add(floats({1, 3}, {1000, 0, 0}), classes({1}));
    CHECK(sure.error() == Approx(1.0 / 3));
  }
}

TEST_CASE("the confusion matrix counts targets against answers", "[metrics]") {
  ConfusionMatrix matrix(3);
  const Tensor x = floats({5, 3}, {9, 0, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9, 9, 0, 0});
  matrix.add(x, classes({0, 1, 2, 2, -1}));
  CHECK(matrix.count(0, 0) == 1);
  CHECK(matrix.count(1, 1) == 1);
  CHECK(matrix.count(2, 1) == 1);
  CHECK(matrix.count(2, 2) == 1);
  CHECK(matrix.count(1, 2) == 0);
  CHECK(matrix.accuracy().hits == 3);
  CHECK(matrix.accuracy().total == 4);
  CHECK(matrix.recall(2).value() == 0.5);
  CHECK(matrix.precision(1).value() == 0.5);
  CHECK(matrix.precision(2).value() == 1);
  ConfusionMatrix other(3);
  other.add(x, classes({0, 0, 0, 0, 0}));
  matrix.merge(other);
  CHECK(matrix.count(0, 1) == 2);
  CHECK(matrix.accuracy().total == 9);
}

TEST_CASE("metrics say what is wrong", "[metrics][errors]") {
  const Tensor x = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  CHECK(error_of([&] { accuracy(x, classes({0})); }) ==
        "accuracy: the targets have shape [1], but the logits [2, 3]: [2] was wanted");
  CHECK(error_of([&] {
          accuracy(x, classes({0, 3}));
        }) == "accuracy: the target of row 1 is 3; there are 3 classes, counted from 0, and -1 is ignored");
  CHECK(error_of([&] { top_k_accuracy(x, classes({0, 1}), 0); }) == "top_k_accuracy: k is 0; at least 1 was wanted");
  CHECK(error_of([&] { Calibration(0); }) == "Calibration: 0 bins came; at least 1 was wanted");
  CHECK(error_of([&] { Calibration(2).merge(Calibration(3)); }) == "Calibration: 2 bins cannot be merged with 3");
  CHECK(error_of([&] {
          Calibration(2).add(floats({1, 2}, {0, kNaN}), classes({0}));
        }) == "Calibration: a row of logits holds NaN, +inf or nothing but -inf");
  CHECK(error_of([&] { ConfusionMatrix(0); }) == "ConfusionMatrix: 0 classes came; at least 1 was wanted");
  CHECK(error_of([&] { ConfusionMatrix(2).merge(ConfusionMatrix(3)); }) ==
        "ConfusionMatrix: 2 classes cannot be merged with 3");
  CHECK(error_of([&] {
          ConfusionMatrix(2).add(x, classes({0, 1}));
        }) == "ConfusionMatrix: the logits have shape [2, 3]; [.., 2] was wanted");
  CHECK(error_of([&] { ConfusionMatrix(2).count(2, 0); }) ==
        "ConfusionMatrix: entry (2, 0) was asked for; there are 2 classes, counted from 0");
}
