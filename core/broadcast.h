// How several tensors line up under numpy-style broadcasting, reduced to as few loops as possible.
#pragma once

#include <array>
#include <span>

#include "core/shape.h"

namespace tempera {

// The loops over the common shape of N inputs: `outer` runs, each over `inner` neighbouring elements of the
// output. Within a run an input either advances with the output (step 1) or stands still (step 0).
template <int N>
class BroadcastLoops {
 public:
  // `keep_last_axis`: the inner loop is exactly the last axis (for row-wise work); otherwise neighbouring axes are
  // merged as far as every input allows. Throws Error(who, ...) where the shapes do not broadcast.
  BroadcastLoops(const std::array<Shape, N>& inputs, std::string_view who, bool keep_last_axis = false) {
    for (const Shape& shape : inputs) out_ = broadcast(out_, shape, who);
    for (int axis = out_.rank() - 1; axis >= 0; --axis) add_axis(inputs, axis, keep_last_axis);
    for (std::size_t i = 0; i < N; ++i)
      for (int level = 0; level < levels_; ++level)
        reduced_[i] = reduced_[i] || (at(strides_[i], level) == 0 && at(extents_, level) > 1);
  }

  const Shape& shape() const { return out_; }
  Index inner() const { return levels_ > 0 ? extents_[0] : 1; }
  Index outer() const { return inner() == 0 ? 0 : out_.size() / inner(); }
  Index step(std::size_t input) const { return levels_ > 0 ? strides_[input][0] : 0; }
  // True when several output elements read one element of this input, so its gradient is a sum.
  bool reduced(std::size_t input) const { return reduced_[input]; }

  // Where each input starts in run number `run`.
  std::array<Index, N> offsets(Index run) const {
    std::array<Index, N> result{};
    for (int level = 1; level < levels_; ++level) {
      const Index position = run % at(extents_, level);
      run /= at(extents_, level);
      for (std::size_t i = 0; i < N; ++i) result[i] += position * at(strides_[i], level);
    }
    return result;
  }

 private:
  using Levels = std::array<Index, Shape::kMaxRank>;
  static Index& at(Levels& levels, int i) { return levels[static_cast<std::size_t>(i)]; }
  static Index at(const Levels& levels, int i) { return levels[static_cast<std::size_t>(i)]; }

  void add_axis(const std::array<Shape, N>& inputs, int axis, bool keep_last_axis) {
    const Index extent = out_[axis];
    const bool last = axis == out_.rank() - 1;
    if (extent == 1 && !(keep_last_axis && last)) return;
    std::array<Index, N> stride{};
    for (std::size_t i = 0; i < N; ++i) {
      const int own = axis - out_.rank() + inputs[i].rank();
      const bool advances = own >= 0 && inputs[i][own] != 1;
      stride[i] = advances ? inputs[i].product(own + 1, inputs[i].rank()) : 0;
    }
    if (levels_ > 0 && !(keep_last_axis && levels_ == 1)) {
      bool merges = true;
      for (std::size_t i = 0; i < N; ++i)
        merges = merges && stride[i] == at(strides_[i], levels_ - 1) * at(extents_, levels_ - 1);
      if (merges) {
        at(extents_, levels_ - 1) *= extent;
        return;
      }
    }
    at(extents_, levels_) = extent;
    for (std::size_t i = 0; i < N; ++i) at(strides_[i], levels_) = stride[i];
    ++levels_;
  }

  Shape out_;
  int levels_ = 0;  // level 0 is the innermost
  Levels extents_{};
  std::array<Levels, N> strides_{};
  std::array<bool, N> reduced_{};
};

}  // namespace tempera
