#include "train/output/numbers.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace tempera {
namespace {

// Decimals that leave `digits` significant ones to |value| after rounding: 9.9996 is 10.00, not 10.000.
int decimals(double value, int digits) {
  const int before =
      std::stoi(fmt::format("{:.{}e}", value, digits - 1).substr(static_cast<std::size_t>(digits) + 2)) + 1;
  return std::max(0, digits - before);
}

}  // namespace

std::string brief(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-3 || size >= 99999.5) return fmt::format("{:.2e}", value);
  return fmt::format("{:.{}f}", value, std::min(decimals(size, 4), 5));
}

std::string si(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const char* prefix = " kMGTPE";
  double scaled = value;
  while (std::abs(scaled) >= 999.5 && prefix[1] != '\0') {
    scaled /= 1000;
    ++prefix;
  }
  if (*prefix == ' ')
    return std::abs(scaled) >= 100 || scaled == std::floor(scaled) ? fmt::format("{:.0f}", scaled)
                                                                   : fmt::format("{:.3g}", scaled);
  return fmt::format("{:.{}f} {}", scaled, decimals(std::abs(scaled), 3), *prefix);
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", std::floor(share * 100 + 1e-9));
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return "-";
  const auto all = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t days = all / 86400, hours = all / 3600 % 24, minutes = all / 60 % 60, rest = all % 60;
  if (days > 0) return fmt::format("{} d {:02}:{:02}:{:02}", days, hours, minutes, rest);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, rest);
  return fmt::format("{}:{:02}", minutes, rest);
}

std::string byte_count(std::uint64_t bytes) {
  const std::string text = si(static_cast<double>(bytes));
  return text + (text.find(' ') == std::string::npos ? " B" : "B");
}

MeanText mean_text(double mean, double half) {
  if (!std::isfinite(half)) return {brief(mean), ""};
  if (half == 0) return {brief(mean), "0"};
  const double size = std::max(std::abs(mean), half);
  if (size < 1e-3 || size >= 99999.5) return {brief(mean), fmt::format("{:.1e}", half)};
  // No more decimals than the mean alone would show: 0.6120 +- 3e-06 is exact for a reader.
  const int digits = std::min(decimals(half, 2), std::min(decimals(size, 4), 5));
  return {fmt::format("{:.{}f}", mean, digits), fmt::format("{:.{}f}", half, digits)};
}

}  // namespace tempera
