// A set of axes as an argument: all of them by default, one, or several.
//
//   sum(x)    sum(x, -1)    sum(x, {0, 2})
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "core/error.h"
#include "core/shape.h"

namespace tempera {

// No heap memory. An empty list means all axes, as the default does. Axes are checked against a shape by mask().
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : Axes({axis}) {}
  Axes(std::initializer_list<int> axes) : count_(static_cast<int>(axes.size())) {
    std::size_t at = 0;
    for (int axis : axes)
      if (at < axes_.size()) axes_[at++] = axis;
  }

  // Bit i is set where axis i of `shape` is meant. Throws Error(who, ...) for an axis outside [-rank, rank) or one
  // named twice.
  unsigned mask(const Shape& shape, std::string_view who) const {
    require(count_ <= Shape::kMaxRank, who, "{} axes came; a tensor has at most {}", count_, Shape::kMaxRank);
    if (count_ == 0) return (1u << shape.rank()) - 1;
    unsigned bits = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count_); ++i) {
      const int axis = checked_axis(axes_[i], shape, who);
      require((bits >> axis & 1u) == 0, who, "axis {} of shape {} is named twice; name each axis once", axis, shape);
      bits |= 1u << axis;
    }
    return bits;
  }

 private:
  std::array<int, Shape::kMaxRank> axes_{};
  int count_ = 0;  // 0: all
};

}  // namespace tempera
