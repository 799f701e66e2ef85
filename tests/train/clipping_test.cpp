#include "train/clipping.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "train/optimizer/sgd.h"

using namespace tempera;

namespace {

StepInfo clipped(std::optional<double> norm, std::optional<double> value, double length) {
  ClippingOptions clipping;
  clipping.norm = norm;
  clipping.value = value;
  StepInfo info;
  clipping.apply(length, info);
  return info;
}

}  // namespace

TEST_CASE("the gradient is scaled to the norm, and only where it is longer", "[clipping]") {
  CHECK(clipped(1, {}, 4).gradient_scale == 0.25);
  CHECK(clipped(1, {}, 1).gradient_scale == 1);
  CHECK(clipped(1, {}, 0.5).gradient_scale == 1);
  CHECK(clipped(1, {}, 0).gradient_scale == 1);
  CHECK(clipped({}, {}, 1e30).gradient_scale == 1);
  CHECK(std::isinf(clipped(1, {}, 4).gradient_limit));
  CHECK(clipped({}, 0.5, 4).gradient_limit == 0.5);
  CHECK(std::isnan(clipped(1, {}, INFINITY).gradient_scale));
  CHECK(std::isnan(clipped(1, {}, NAN).gradient_scale));
}

TEST_CASE("the optimizer applies the scale, then the limit", "[clipping]") {
  SgdOptions sgd;
  sgd.momentum = 0;
  const auto optimizer = sgd.make({{.offset = 0, .size = 4, .rows = 1, .cols = 4}});
  Tensor values = Tensor::zeros({4}, DType::float64);
  const Tensor gradients = Tensor::from<double>({4}, {2, -8, 4, 0.5});
  StepInfo info = clipped(1, 0.75, 4);  // a scale of 1/4
  info.lr = 1;
  optimizer->step(values, gradients, info);
  CHECK(values.to_vector() == std::vector<double>{-0.5, 0.75, -0.75, -0.125});
}

TEST_CASE("the norm of a gradient is taken over the segments", "[clipping]") {
  Tensor gradients = Tensor::full({40}, DType::float32, 7);
  for (Index i : {0, 1, 2, 16, 17}) gradients.set(i, 2);
  const std::vector<Segment> segments{{.offset = 0, .size = 3}, {.offset = 16, .size = 2}};
  CHECK(gradient_norm(gradients, segments) == Approx(std::sqrt(20)).epsilon(1e-15));
  CHECK(gradient_norm(Tensor::full({8}, DType::float32, 1e30), std::vector<Segment>{{.offset = 0, .size = 4}}) ==
        Approx(2e30));  // squares beyond float32
  CHECK(gradient_norm(gradients, {}) == 0);
}

TEST_CASE("the norm of a gradient has the same bits on any number of threads", "[clipping]") {
  Tensor gradients = Tensor::empty({5000}, DType::float32);
  Rng(1, "g").fill_normal(gradients, 0, 1);
  std::vector<Segment> segments;
  for (Index at = 0, size = 1; at + size <= 5000; at += size, ++size) segments.push_back({.offset = at, .size = size});
  const double norm = gradient_norm(gradients, segments);
  GradientNorm again;
  for (const int threads : {1, 2, 3, 16}) CHECK(again(gradients, segments, threads) == norm);
  double squares = 0;
  for (Index i = 0; i < segments.back().offset + segments.back().size; ++i)
    squares += gradients.at(i) * gradients.at(i);
  CHECK(norm == Approx(std::sqrt(squares)).epsilon(1e-12));
}
