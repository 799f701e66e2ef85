// Where windows lie along an axis: convolution and pooling slide them.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/shape.h"

namespace tempera {

// Output o sees the inputs o stride + k dilation - padding, k in [0, kernel).
struct WindowAxis {
  Index extent = 1, kernel = 1, stride = 1, padding = 0, dilation = 1, out = 1;

  Index input(Index o, Index k) const { return o * stride + k * dilation - padding; }
  bool inside(Index i) const { return i >= 0 && i < extent; }
  Index reach() const { return (kernel - 1) * dilation + 1; }
  // Inputs in the window of output o, for dilation 1.
  Index covered(Index o) const { return std::min(extent, input(o, kernel)) - std::max<Index>(0, input(o, 0)); }

  // The outputs [first, last) whose input at tap k lies inside.
  struct Range {
    Index first, last;
  };
  Range outputs(Index k) const {
    const Index last = std::min(out, ceiling(extent + padding - k * dilation));
    return {std::min(last, ceiling(padding - k * dilation)), last};
  }

 private:
  Index ceiling(Index distance) const { return distance <= 0 ? 0 : (distance + stride - 1) / stride; }
};

struct WindowOptions {
  Index kernel, stride, padding, dilation;
};

// Throws Error(who, ...) where the kernel does not fit into the padded axis `name`.
inline WindowAxis checked_window(std::string_view who, const char* name, Index extent, const WindowOptions& o) {
  const auto at_least = [&](const char* what, Index value, Index bound) {
    require(value >= bound, who, "the {} along {} is {}; at least {} was wanted", what, name, value, bound);
  };
  at_least("kernel", o.kernel, 1);
  at_least("stride", o.stride, 1);
  at_least("dilation", o.dilation, 1);
  at_least("padding", o.padding, 0);
  WindowAxis axis{extent, o.kernel, o.stride, o.padding, o.dilation, 0};
  const Index padded = extent + 2 * o.padding;
  require(padded >= axis.reach(), who,
          "the kernel reaches over {} elements along {}, but the padded input has {}; pad more or shorten the kernel",
          axis.reach(), name, padded);
  axis.out = (padded - axis.reach()) / o.stride + 1;
  return axis;
}

}  // namespace tempera
