// A part of one axis.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "core/tape.h"

namespace tempera {

extern const Op slice_op;

//   y[o, k, i] = x[o, first + k step, i]         k = 0 .. count - 1
//   dx[o, first + k step, i] = dy[o, k, i], 0 elsewhere
// Shares the buffer of x where the part is one contiguous piece, copies otherwise. Any dtype. Throws Error where the
// part leaves the axis or step < 1.
Var slice(const Var& x, int axis, Index first, Index count, Index step = 1);
inline Var narrow(const Var& x, int axis, Index first, Index count) {
  return slice(x, axis, first, count);
}

// Consecutive parts of the given sizes, which must add up to the extent. See chunk() where their number is fixed.
std::vector<Var> split(const Var& x, std::span<const Index> sizes, int axis = -1);
inline std::vector<Var> split(const Var& x, std::initializer_list<Index> sizes, int axis = -1) {
  return split(x, std::span<const Index>(sizes.begin(), sizes.size()), axis);
}

// Equal parts, without heap memory:   auto [q, k, v] = chunk<3>(qkv, -1);
// Throws Error unless the extent is a multiple of Parts.
template <int Parts>
std::array<Var, static_cast<std::size_t>(Parts)> chunk(const Var& x, int axis = -1) {
  axis = checked_axis(axis, x.shape(), "chunk");
  require(x.dim(axis) % Parts == 0, "chunk", "axis {} of shape {} does not divide into {} equal parts", axis, x.shape(),
          Parts);
  std::array<Var, static_cast<std::size_t>(Parts)> parts;
  const Index count = x.dim(axis) / Parts;
  for (int k = 0; k < Parts; ++k) parts[static_cast<std::size_t>(k)] = slice(x, axis, k * count, count);
  return parts;
}

}  // namespace tempera
