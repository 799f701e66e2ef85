#include "train/output/interval.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"

using namespace tempera;

TEST_CASE("quantiles of Student's t agree with the tables", "[output]") {
  // From a table of the distribution (0.975 quantile).
  const std::array<std::pair<int, double>, 9> table = {{{1, 12.706},
                                                        {2, 4.3027},
                                                        {9, 2.2622},
                                                        {14, 2.1448},
                                                        {15, 2.1314},
                                                        {20, 2.0860},
                                                        {30, 2.0423},
                                                        {60, 2.0003},
                                                        {1000000, 1.95996}}};
  for (const auto& [degrees, quantile] : table) {
    INFO(degrees);
    CHECK(student_t975(degrees) == Approx(quantile).epsilon(1e-4));
  }
  CHECK_THROWS_WITH(student_t975(0), "student_t975: 0 degrees of freedom; at least 1 is needed, two values");
}

TEST_CASE("the interval of a mean", "[output]") {
  // mean 2, variance 1, t of two degrees 4.3027: 4.3027 / sqrt(3).
  const MeanInterval three = mean_interval(std::array{1.0, 2.0, 3.0});
  CHECK(three.mean == Approx(2));
  CHECK(three.half == Approx(4.3027 / std::sqrt(3.0)).epsilon(1e-4));
  CHECK(three.n == 3);
  const MeanInterval one = mean_interval(std::array{5.0});
  CHECK(one.mean == 5);
  CHECK(std::isnan(one.half));
  const MeanInterval none = mean_interval({});
  CHECK(none.n == 0);
  CHECK(std::isnan(none.mean));
}
