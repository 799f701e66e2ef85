#include "core/shape.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/error.h"

namespace tempera {

Shape::Shape(std::initializer_list<Index> extents) : Shape(std::span<const Index>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const Index> extents) : rank_(static_cast<int>(extents.size())) {
  require(extents.size() <= kMaxRank, "shape", "rank {} is not supported; tensors have rank 0 to {}", extents.size(),
          kMaxRank);
  for (Index extent : extents)
    require(extent >= 0, "shape", "extent {} is negative in [{}]", extent, fmt::join(extents, ", "));
  std::copy(extents.begin(), extents.end(), extents_.begin());
  Index total = 1;
  for (Index extent : extents)
    require(extent == 0 || !__builtin_mul_overflow(total, extent, &total), "shape",
            "the product of the extents [{}] does not fit in 64 bits", fmt::join(extents, ", "));
}

Index Shape::size() const {
  return product(0, rank_);
}

Index Shape::product(int first, int last) const {
  Index total = 1;
  for (int axis = first; axis < last; ++axis) total *= (*this)[axis];
  return total;
}

void Shape::set(int axis, Index extent) {
  extents_[static_cast<std::size_t>(axis)] = extent;
}

Shape Shape::with(int axis, Index extent) const {
  Shape result = *this;
  result.set(axis, extent);
  return result;
}

Shape Shape::without(int axis) const {
  Shape result;
  for (int i = 0; i < rank_; ++i)
    if (i != axis) result.extents_[static_cast<std::size_t>(result.rank_++)] = (*this)[i];
  return result;
}

Shape Shape::inserted(int axis, Index extent) const {
  require(rank_ < kMaxRank, "shape", "cannot insert an axis into {}: the rank would exceed {}", to_string(*this),
          kMaxRank);
  Shape result;
  for (int i = 0; i <= rank_; ++i) {
    if (i == axis) result.extents_[static_cast<std::size_t>(result.rank_++)] = extent;
    if (i < rank_) result.extents_[static_cast<std::size_t>(result.rank_++)] = (*this)[i];
  }
  return result;
}

bool Shape::operator==(const Shape& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

int checked_axis(int axis, const Shape& shape, std::string_view who) {
  const int rank = shape.rank();
  require(axis >= -rank && axis < rank, who, "axis {} is outside [{}, {}) of shape {}", axis, -rank, rank, shape);
  return axis < 0 ? axis + rank : axis;
}

Shape broadcast(const Shape& a, const Shape& b, std::string_view who) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const int offset = longer.rank() - shorter.rank();
  for (int axis = 0; axis < shorter.rank(); ++axis) {
    const Index x = longer[axis + offset], y = shorter[axis];
    require(x == y || x == 1 || y == 1, who,
            "shapes {} and {} do not broadcast: extents {} and {} at axis {} from the back; "
            "equal extents, or 1 in one of them, were wanted",
            a, b, x, y, shorter.rank() - 1 - axis);
    result.set(axis + offset, x == 1 ? y : x);
  }
  return result;
}

}  // namespace tempera
