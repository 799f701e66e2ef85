// A tensor seen around one axis: [outer, extent, inner]; element (o, e, i) is at (o * extent + e) * inner + i.
#pragma once

#include "core/shape.h"

namespace tempera {

struct AxisView {
  Index outer, extent, inner;

  AxisView(const Shape& shape, int axis)
      : outer(shape.product(0, axis)), extent(shape[axis]), inner(shape.product(axis + 1, shape.rank())) {}
  Index at(Index o, Index e, Index i) const { return (o * extent + e) * inner + i; }
};

}  // namespace tempera
