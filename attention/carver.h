// Scratch memory of several arrays from one block.
#pragma once

#include <cstddef>

#include "core/shape.h"

namespace tempera::detail {

// Takes arrays from a block of memory; without one it only counts.
class Carver {
 public:
  explicit Carver(std::byte* memory) : memory_(memory) {}
  template <class U>
  U* take(Index count) {
    U* const result = memory_ ? reinterpret_cast<U*>(memory_ + used_) : nullptr;
    used_ += (static_cast<std::size_t>(count) * sizeof(U) + 63) / 64 * 64;
    return result;
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* memory_;
  std::size_t used_ = 0;
};

}  // namespace tempera::detail
