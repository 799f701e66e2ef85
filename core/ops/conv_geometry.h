// The extents of a convolution. One spatial axis is two with height 1.
#pragma once

#include "core/ops/window.h"

namespace tempera {

struct ConvGeometry {
  Index batch = 0, channels = 0, filters = 0, groups = 1;
  WindowAxis h, w;

  Index group_channels() const { return channels / groups; }
  Index group_filters() const { return filters / groups; }
  Index plane() const { return h.extent * w.extent; }        // elements of an input channel
  Index positions() const { return h.out * w.out; }          // elements of an output channel
  Index taps() const { return h.kernel * w.kernel; }         // elements of a filter's channel
  Index patch() const { return group_channels() * taps(); }  // elements of a filter
  // A patch is one element of each channel: the input is its own matrix of patches.
  bool pointwise() const { return taps() == 1 && h.stride == 1 && w.stride == 1 && h.padding == 0 && w.padding == 0; }
  bool depthwise() const { return groups == channels && group_filters() <= 4; }
};

}  // namespace tempera
