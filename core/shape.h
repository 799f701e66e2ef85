// The extents of a tensor: rank 0 (a scalar) to rank 5, row-major, without heap memory.
#pragma once

#include <Eigen/Core>
#include <array>
#include <fmt/format.h>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace tempera {

using Index = Eigen::Index;

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;  // rank 0: a scalar
  Shape(std::initializer_list<Index> extents);
  explicit Shape(std::span<const Index> extents);

  int rank() const { return rank_; }
  Index size() const;  // product of the extents; 1 for a scalar
  Index operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  void set(int axis, Index extent);

  // Extent counted from the back: back() is the last axis, back(1) the one before.
  Index back(int from_end = 0) const { return (*this)[rank_ - 1 - from_end]; }
  const Index* begin() const { return extents_.data(); }
  const Index* end() const { return extents_.data() + rank_; }

  // Copies with one axis changed. `axis` must be valid (see checked_axis).
  Shape with(int axis, Index extent) const;
  Shape without(int axis) const;
  Shape inserted(int axis, Index extent) const;

  // Product of the extents of axes [first, last).
  Index product(int first, int last) const;

  bool operator==(const Shape& other) const;

 private:
  std::array<Index, kMaxRank> extents_{};
  int rank_ = 0;
};

// "[2, 3, 4]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

// Axis in [0, rank); negative axes count from the back. Throws Error(who, ...) outside [-rank, rank).
int checked_axis(int axis, const Shape& shape, std::string_view who);

// The shape that numpy-style broadcasting of both gives. Throws Error(who, ...) where extents differ and neither is 1.
Shape broadcast(const Shape& a, const Shape& b, std::string_view who);

}  // namespace tempera

template <>
struct fmt::formatter<tempera::Shape> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const tempera::Shape& shape, Context& context) const {
    return fmt::formatter<std::string>::format(tempera::to_string(shape), context);
  }
};
