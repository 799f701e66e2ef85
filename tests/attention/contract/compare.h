// Comparisons that say what differs, for the promises of attention.
#pragma once

#include "tests/support/twins.h"

namespace tempera {

// Empty where every entry of `got` is within `tolerance` of the wanted one, relative to the largest wanted entry or 1.
inline std::string difference(std::string_view what, const Tensor& got, const Tensor& wanted, double tolerance) {
  if (got.shape() != wanted.shape()) return fmt::format("{}: {} where {} was wanted\n", what, got, wanted);
  double largest = 1;
  for (Index i = 0; i < wanted.size(); ++i) largest = std::max(largest, std::abs(wanted.at(i)));
  for (Index i = 0; i < got.size(); ++i)
    if (!(std::abs(got.at(i) - wanted.at(i)) <= tolerance * largest))
      return fmt::format("{}: element {} is {:.17g}, wanted {:.17g}\n", what, i, got.at(i), wanted.at(i));
  return {};
}

inline std::string other_bits(std::string_view what, const Tensor& got, const Tensor& wanted) {
  return same_bits(got, wanted) ? std::string() : fmt::format("{}: the bits differ\n", what);
}

// [B, H, N, D] with token i of the result the token order[i] of x.
inline Tensor permuted_tokens(const Tensor& x, std::span<const std::int32_t> order) {
  Tensor y = x.clone();
  const Index width = x.shape().back(), n = x.shape().back(1);
  for (Index i = 0; i < x.size(); ++i) {
    const Index token = i / width % n;
    y.set(i, x.at(i + (order[static_cast<std::size_t>(token)] - token) * width));
  }
  return y;
}

// The slope of `values` in log-log over doublings of the size, from increments, so that a constant part does not count.
inline double exponent_of(std::span<const double> values) {
  const std::size_t last = values.size() - 1;
  return std::log2((values[last] - values[last - 1]) / (values[1] - values[0])) / static_cast<double>(last - 1);
}

}  // namespace tempera
