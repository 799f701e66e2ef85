// Whole numbers from JSON that a stranger may have written. The library's own conversion cuts fractions off, and is
// undefined for 1e30.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

namespace tempera {

// Nothing where `value` is no number, was written with a point or an exponent, or is out of the range of T.
template <std::integral T, class Json>
std::optional<T> whole_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.template get<std::uint64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.template get<std::int64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  }
  return std::nullopt;
}

}  // namespace tempera
