// Numbers as a reader sees them: on the progress line, in tables, in the report. One form everywhere: a point before
// the decimals, a comma between thousands, a blank before a unit.
#pragma once

#include <cstdint>
#include <string>

#include "core/grouped.h"

namespace tempera {

std::string brief(double value);              // four digits: 1.843, 12.35, 0.01234, 1.20e-05, 3.10e+07, nan
std::string si(double value);                 // three digits and a prefix: 950, 31.4 k, 1.25 M, 7.00 G
std::string percent(double share);            // 24 %; rounded down, so that 100 % is said only at the end
std::string duration(double seconds);         // 0:42, 12:05, 3:04:05, 2 d 03:04:05; "-" when unknown (nan, negative)
std::string byte_count(std::uint64_t bytes);  // 950 B, 31.4 kB, 1.25 MB

// A mean and the half width of its interval: two digits of the half width, and the mean as far as those reach.
struct MeanText {
  std::string mean, half;  // "1.850", "0.039"; half is empty when it is not finite
};
MeanText mean_text(double mean, double half);

}  // namespace tempera
