// Element types, and the one place where a run-time type becomes a template argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "core/error.h"

namespace tempera {

// float32 and float64 carry values and gradients; int32 carries indices and masks and has no gradient.
enum class DType : std::uint8_t { float32, float64, int32 };

constexpr std::size_t byte_size(DType dtype) {
  return dtype == DType::float64 ? 8 : 4;
}
constexpr bool is_floating(DType dtype) {
  return dtype != DType::int32;
}
std::string_view to_string(DType dtype);

template <class T>
struct Type {
  using type = T;
};

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::float32;
  else if constexpr (std::is_same_v<T, double>) return DType::float64;
  else {
    static_assert(std::is_same_v<T, std::int32_t>, "tensors hold float, double or std::int32_t");
    return DType::int32;
  }
}

// Calls f(Type<float>{}) or f(Type<double>{}):
//   dispatch(x.dtype(), [&]<class T>(Type<T>) { kernel<T>(x.data<T>(), ...); });
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  if (dtype == DType::float32) return f(Type<float>{});
  require(dtype == DType::float64, "dispatch", "an int32 tensor came where float32 or float64 was wanted");
  return f(Type<double>{});
}

// The same over all three types, for operations that only move elements.
template <class F>
decltype(auto) dispatch_any(DType dtype, F&& f) {
  if (dtype == DType::int32) return f(Type<std::int32_t>{});
  return dispatch(dtype, std::forward<F>(f));
}

}  // namespace tempera

template <>
struct fmt::formatter<tempera::DType> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(tempera::DType dtype, Context& context) const {
    return fmt::formatter<std::string_view>::format(tempera::to_string(dtype), context);
  }
};
