#include "train/output/interval.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace tempera {

double student_t975(int degrees) {
  require(degrees >= 1, "student_t975", "{} degrees of freedom; at least 1 is needed, two values", degrees);
  static constexpr std::array table = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646,
                                       2.3060,  2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448};
  if (degrees <= static_cast<int>(table.size())) return table[static_cast<std::size_t>(degrees) - 1];
  // Cornish and Fisher: the quantile of the normal distribution, corrected in powers of 1 / degrees.
  const double z = 1.959963985, z2 = z * z, d = degrees;
  return z * (1 + (z2 + 1) / (4 * d) + ((5 * z2 + 16) * z2 + 3) / (96 * d * d) +
              (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * d * d * d));
}

MeanInterval mean_interval(std::span<const double> values) {
  MeanInterval result;
  result.n = static_cast<int>(values.size());
  result.half = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) {
    result.mean = result.half;
    return result;
  }
  for (const double value : values) result.mean += value / result.n;
  if (result.n < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.half = student_t975(result.n - 1) * std::sqrt(squares / (result.n - 1) / result.n);
  return result;
}

}  // namespace tempera
