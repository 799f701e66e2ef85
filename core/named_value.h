// A number with a name: what losses, steps and evaluations report.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "core/error.h"

namespace tempera {

struct NamedValue {
  std::string_view name;
  double value = 0;
};

// A few of them, held in place: what every step reports must not come from the heap.
class NamedValues {
 public:
  static constexpr std::size_t kMost = 32;

  NamedValues() = default;
  NamedValues(std::initializer_list<NamedValue> values) {
    for (const NamedValue& value : values) push_back(value);
  }
  // Throws Error beyond kMost.
  void push_back(const NamedValue& value) {
    require(size_ < kMost, "NamedValues", "'{}' is one too many; {} fit", value.name, kMost);
    values_[size_++] = value;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const NamedValue* data() const { return values_.data(); }
  const NamedValue* begin() const { return data(); }
  const NamedValue* end() const { return data() + size_; }
  const NamedValue& operator[](std::size_t i) const { return values_[i]; }
  // The value of that name; null where there is none.
  const double* find(std::string_view name) const {
    for (const NamedValue& value : *this)
      if (value.name == name) return &value.value;
    return nullptr;
  }

 private:
  std::array<NamedValue, kMost> values_{};
  std::size_t size_ = 0;
};

}  // namespace tempera
