// A random permutation that is computed, not stored: any entry at any time, in constant memory.
//
// A Feistel network is a bijection of [0, 4^k) whatever its round function; entries that land at `size` or beyond are
// sent through again until they fall inside ("cycle walking", Black and Rogaway 2002, "Ciphers with arbitrary finite
// domains"). 4^k < 4 size, so four passes are the most one expects.
#pragma once

#include <array>
#include <cstdint>

#include "core/random.h"

namespace tempera {

class Permutation {
 public:
  // Of [0, size), chosen by all of `rng`: seed, stream and step. Throws Error unless 0 < size <= 2^62.
  Permutation(std::int64_t size, const Rng& rng);

  std::int64_t size() const { return static_cast<std::int64_t>(size_); }
  // Where `i` goes. Throws Error unless 0 <= i < size().
  std::int64_t operator()(std::int64_t i) const;

 private:
  static constexpr int kRounds = 7;
  std::uint64_t pass(std::uint64_t x) const;

  std::uint64_t size_;
  int half_bits_ = 0;
  std::array<std::uint64_t, kRounds> keys_{};
};

}  // namespace tempera
