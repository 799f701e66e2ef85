#include "data/permutation.h"

#include <bit>

namespace tempera {
namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the result depends on every bit of x.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

}  // namespace

Permutation::Permutation(std::int64_t size, const Rng& rng) : size_(static_cast<std::uint64_t>(size)) {
  require(size > 0 && size <= std::int64_t{1} << 62, "Permutation", "a size in 1..2^62 was wanted, not {}", size);
  half_bits_ = static_cast<int>(std::bit_width(size_ - 1) + 1) / 2;
  for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i] = rng.bits(i);
}

std::uint64_t Permutation::pass(std::uint64_t x) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = x >> half_bits_, right = x & mask;
  for (const std::uint64_t key : keys_) {
    const std::uint64_t mixed = left ^ (mix(right + key) & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

std::int64_t Permutation::operator()(std::int64_t i) const {
  require(i >= 0 && static_cast<std::uint64_t>(i) < size_, "Permutation", "entry {} was asked for of {}", i, size_);
  auto x = static_cast<std::uint64_t>(i);
  do x = pass(x);
  while (x >= size_);
  return static_cast<std::int64_t>(x);
}

}  // namespace tempera
