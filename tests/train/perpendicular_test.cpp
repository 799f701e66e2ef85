#include "train/perpendicular.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace tempera;

namespace {

const std::vector<Segment> kOne = {{.offset = 0, .size = 3, .rows = 1, .cols = 3}};

}  // namespace

TEST_CASE("what scales the weights leaves the gradient, its length stays", "[perpendicular]") {
  // The numbers are those of the definition: w = (1, 2, 2), g = (3, 0, 3), <w, g> / <w, w> = 1.
  const Tensor w = Tensor::from<double>({3}, {1, 2, 2});
  Tensor g = Tensor::from<double>({3}, {3, 0, 3});
  SECTION("rescaled") {
    make_perpendicular(w, g, kOne, true);
    const double expected[] = {2.828427, -2.828427, 1.414214};
    for (Index i = 0; i < 3; ++i) CHECK(g.at(i) == Approx(expected[i]).epsilon(1e-6));
    CHECK(std::sqrt(g.vec<double>().square().sum()) == Approx(std::sqrt(18.)).epsilon(1e-15));
  }
  SECTION("projected alone") {
    make_perpendicular(w, g, kOne, false);
    const double expected[] = {2, -2, 1};
    for (Index i = 0; i < 3; ++i) CHECK(g.at(i) == Approx(expected[i]).epsilon(1e-15));
  }
  CHECK((g.vec<double>() * w.vec<double>()).sum() == Approx(0).margin(1e-14));
  CHECK(gradient_alignment(w, g, kOne) == Approx(0).margin(1e-15));
}

TEST_CASE("each parameter is projected by itself, and zero weights change nothing", "[perpendicular]") {
  const std::vector<Segment> two = {{.offset = 0, .size = 2, .rows = 1, .cols = 2},
                                    {.offset = 2, .size = 11, .rows = 1, .cols = 11}};
  Tensor w = Tensor::zeros({13}, DType::float32), g = Tensor::zeros({13}, DType::float32);
  for (Index i = 0; i < 13; ++i) {
    w.set(i, i < 2 ? 0 : static_cast<double>(i));
    g.set(i, static_cast<double>(13 - i));
  }
  make_perpendicular(w, g, two, false);
  CHECK(g.at(0) == 13);
  CHECK(g.at(1) == 12);
  double product = 0;
  for (Index i = 2; i < 13; ++i) product += w.at(i) * g.at(i);
  CHECK(product == Approx(0).margin(1e-3));
  CHECK(std::abs(g.at(2) - 11) > 1);
}

TEST_CASE("a gradient along the weights is told as such", "[perpendicular]") {
  const Tensor w = Tensor::from<double>({3}, {1, -2, 2});
  Tensor g = Tensor::from<double>({3}, {-2, 4, -4});
  CHECK(gradient_alignment(w, g, kOne) == Approx(1).epsilon(1e-15));
  make_perpendicular(w, g, kOne, true);  // nothing is left but rounding
  CHECK(gradient_alignment(w, Tensor::zeros({3}, DType::float64), kOne) == 0);
}
