#include "train/continual/accuracy_matrix.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace tempera;

TEST_CASE("average, forgetting and transfer of a matrix", "[continual]") {
  AccuracyMatrix a(3);
  const double rows[4][3] = {{0.1, 0.2, 0.3}, {0.9, 0.4, 0.2}, {0.5, 0.8, 0.5}, {0.6, 0.7, 1}};
  for (Index k = 0; k < 4; ++k)
    for (Index i = 1; i <= 3; ++i) a.set(k, i, rows[k][i - 1]);
  CHECK(a.tasks() == 3);
  CHECK(a.average(1) == 0.9);
  CHECK(a.average(3) == Approx((0.6 + 0.7 + 1) / 3));
  CHECK(a.forgetting(2) == Approx(0.9 - 0.5));
  CHECK(a.forgetting(3) == Approx(((0.9 - 0.6) + (0.8 - 0.7)) / 2));
  CHECK(a.backward_transfer(3) == Approx(((0.6 - 0.9) + (0.7 - 0.8)) / 2));
  CHECK(a.forward_transfer(3) == Approx(((0.4 - 0.2) + (0.5 - 0.3)) / 2));
  CHECK(std::isnan(a.average(0)));
  CHECK(std::isnan(a.forgetting(1)));
  CHECK(std::isnan(AccuracyMatrix(2).average(1)));
  // A task that is best in the end was not forgotten.
  a.set(3, 1, 0.95);
  CHECK(a.forgetting(3) == Approx((0 + 0.1) / 2));
  CHECK_THROWS_WITH(a.at(4, 1), "AccuracyMatrix: task 1 after 4 was asked for of 3 tasks");
  CHECK_THROWS_WITH(a.at(1, 0), "AccuracyMatrix: task 0 after 1 was asked for of 3 tasks");
}
