#include "train/claims/paired_test.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"

using namespace tempera;

TEST_CASE("the tail of Student's t is that of tables and closed forms", "[claims]") {
  struct Row {
    int degrees;
    double t, tail;
  };
  // Critical values as printed in tables of the distribution, rounded to three decimals there.
  for (const Row& row : {Row{1, 6.314, 0.05}, Row{2, 2.920, 0.05}, Row{3, 2.353, 0.05}, Row{4, 2.132, 0.05},
                         Row{5, 2.015, 0.05}, Row{10, 1.812, 0.05}, Row{30, 1.697, 0.05}, Row{2, 9.925, 0.005},
                         Row{4, 4.604, 0.005}, Row{9, 2.262, 0.025}, Row{120, 1.980, 0.025}}) {
    INFO(row.degrees << " degrees, t " << row.t);
    CHECK(student_t_tail(row.t, row.degrees) == Approx(row.tail).epsilon(2e-3));
    CHECK(student_t_tail(-row.t, row.degrees) == Approx(1 - student_t_tail(row.t, row.degrees)).epsilon(1e-12));
  }
  for (const double t : {0.0, 0.01, 0.5, 1.0, 3.0, 40.0, 1e4}) {
    INFO("t " << t);
    CHECK(student_t_tail(t, 1) == Approx(0.5 - std::atan(t) / std::numbers::pi).epsilon(1e-9).margin(1e-15));
    CHECK(student_t_tail(t, 2) == Approx((1 - t / std::sqrt(2 + t * t)) / 2).epsilon(1e-6).margin(1e-15));
  }
  CHECK(student_t_tail(INFINITY, 3) == 0);
  CHECK(student_t_tail(-INFINITY, 3) == 1);
  CHECK_THROWS_AS(student_t_tail(1, 0), Error);
}

TEST_CASE("a paired test is that of the worked example", "[claims]") {
  // Mean 2, s 1, t = 2 sqrt(3); 2 degrees have a closed form. Of 8 choices of signs only the one seen sums to 6.
  const PairedTest three = paired_test(std::vector<double>{1, 2, 3});
  CHECK(three.mean == Approx(2));
  CHECK(three.p_t == Approx((1 - 2 * std::sqrt(3.0) / std::sqrt(2 + 12.0)) / 2));
  CHECK(three.p_flips == 1.0 / 8);
  // Seen is 5.5; all positive gives 6.5, and any other flip at most 4.5.
  CHECK(paired_test(std::vector<double>{1, 2, -0.5, 3}).p_flips == 2.0 / 16);
  // A difference of zero has two signs that are alike.
  CHECK(paired_test(std::vector<double>{1, 0}).p_flips == 2.0 / 4);
  // What speaks against it is as sure the other way.
  CHECK(paired_test(std::vector<double>{-1, -2, -3}).p_t == Approx(1 - three.p_t));
  CHECK(paired_test(std::vector<double>{-1, -2, -3}).p_flips == 1);
}

TEST_CASE("a paired test without spread, of one value, and of many", "[claims]") {
  CHECK(paired_test(std::vector<double>{0.5, 0.5, 0.5}).p_t == 0);
  CHECK(paired_test(std::vector<double>{0, 0, 0}).p_t == 1);
  CHECK(paired_test(std::vector<double>{-0.5, -0.5}).p_t == 1);
  CHECK(std::isnan(paired_test(std::vector<double>{1}).p_t));
  CHECK(paired_test(std::vector<double>{1}).p_flips == 0.5);
  CHECK(std::isnan(paired_test({}).p_flips));
  CHECK(paired_test(std::vector<double>(20, 1.0)).p_flips == std::pow(2, -20));
  CHECK(std::isnan(paired_test(std::vector<double>(21, 1.0)).p_flips));
}

TEST_CASE("how many differences would settle it", "[claims]") {
  // Mean 1, s 2: t is sqrt(n) / 2. Tables give 1.796 for 11 degrees and 1.782 for 12; sqrt(12) / 2 is 1.732, sqrt(13) /
  // 2 is 1.803.
  const double r = std::sqrt(2.0);
  CHECK(differences_to_settle(std::vector<double>{1 + r, 1 - r}, 0.05) == 13);
  CHECK(differences_to_settle(std::vector<double>{-1 - r, -1 + r}, 0.05) == 13);
  CHECK(differences_to_settle(std::vector<double>{1, -1}, 0.05) == 0);
  CHECK(differences_to_settle(std::vector<double>{1, 1}, 0.05) == 0);
  CHECK(differences_to_settle(std::vector<double>{1}, 0.05) == 0);
  CHECK(differences_to_settle(std::vector<double>{1, 1e-3 - 1}, 0.05) == 0);
}
