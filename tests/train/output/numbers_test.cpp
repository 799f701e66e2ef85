#include "train/output/numbers.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace tempera;

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
}

TEST_CASE("thousands are grouped", "[output]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(123456) == "123,456");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-999) == "-999");
  CHECK(grouped(-1000) == "-1,000");
  CHECK(grouped(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("figures have four digits, also after rounding up", "[output]") {
  CHECK(brief(0) == "0");
  CHECK(brief(-0.0) == "0");
  CHECK(brief(1.8432) == "1.843");
  CHECK(brief(9.9996) == "10.00");
  CHECK(brief(12.345) == "12.35");
  CHECK(brief(0.5) == "0.5000");
  CHECK(brief(0.012344) == "0.01234");
  CHECK(brief(0.001) == "0.00100");
  CHECK(brief(1.2e-5) == "1.20e-05");
  CHECK(brief(54321.4) == "54321");
  CHECK(brief(99999.4) == "99999");
  CHECK(brief(99999.6) == "1.00e+05");
  CHECK(brief(-3.14159) == "-3.142");
  CHECK(brief(kNan) == "nan");
  CHECK(brief(-kInf) == "-inf");
}

TEST_CASE("prefixes change where three digits would become four", "[output]") {
  CHECK(si(0) == "0");
  CHECK(si(0.5) == "0.5");
  CHECK(si(17.34) == "17.3");
  CHECK(si(950) == "950");
  CHECK(si(999.4) == "999");
  CHECK(si(999.6) == "1.00 k");
  CHECK(si(31400) == "31.4 k");
  CHECK(si(999600) == "1.00 M");
  CHECK(si(1.25e6) == "1.25 M");
  CHECK(si(7e9) == "7.00 G");
  CHECK(si(kInf) == "inf");
  CHECK(byte_count(950) == "950 B");
  CHECK(byte_count(31400) == "31.4 kB");
}

TEST_CASE("100 % is said only at the end", "[output]") {
  CHECK(percent(0) == "0 %");
  CHECK(percent(0.24) == "24 %");
  CHECK(percent(0.9999) == "99 %");
  CHECK(percent(1) == "100 %");
}

TEST_CASE("durations", "[output]") {
  CHECK(duration(0) == "0:00");
  CHECK(duration(42.4) == "0:42");
  CHECK(duration(59.6) == "1:00");
  CHECK(duration(725) == "12:05");
  CHECK(duration(3599.6) == "1:00:00");
  CHECK(duration(11045) == "3:04:05");
  CHECK(duration(2 * 86400 + 11045) == "2 d 03:04:05");
  CHECK(duration(-1) == "-");
  CHECK(duration(kNan) == "-");
  CHECK(duration(kInf) == "-");
}

TEST_CASE("a mean is as exact as its interval", "[output]") {
  const auto text = [](double mean, double half) {
    const MeanText both = mean_text(mean, half);
    return both.mean + " +- " + both.half;
  };
  CHECK(text(1.8504, 0.03865) == "1.850 +- 0.039");
  CHECK(text(6.361, 0.2465) == "6.36 +- 0.25");
  CHECK(text(0.5, 3e-6) == "0.5000 +- 0.0000");
  CHECK(text(123.4, 27) == "123 +- 27");
  CHECK(text(0, 0.5) == "0.00 +- 0.50");
  CHECK(text(2e-5, 1e-6) == "2.00e-05 +- 1.0e-06");
  CHECK(text(1.5, 0) == "1.500 +- 0");
  CHECK(text(1.5, kNan) == "1.500 +- ");
}
