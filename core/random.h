// Counter-based random numbers: a draw is a function of (seed, stream name, step, index) and of nothing else.
//
// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). The key is made of the
// seed and the stream's name, the counter of step and index, so a draw can be made again at any time, in any
// order, on any thread, and a new consumer never shifts the draws of another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace tempera {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// Ten rounds of Philox4x32.
PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key);

class Rng {
 public:
  // `stream` names the use ("init", "dropout/blocks.0"); `step` the training step.
  Rng(std::uint64_t seed, std::string_view stream, std::uint64_t step = 0);

  Rng at_step(std::uint64_t step) const;
  // An independent stream below this one.
  Rng sub(std::string_view name) const;

  std::uint64_t bits(std::uint64_t index) const;
  // In [0, 1), a multiple of 2^-53.
  double uniform(std::uint64_t index) const;
  double uniform(std::uint64_t index, double low, double high) const { return low + (high - low) * uniform(index); }
  // Mean 0, variance 1 (Box-Muller). Made of + * / sqrt alone, so the bits do not depend on a mathematics library.
  double normal(std::uint64_t index) const;
  // In [0, count), without modulo bias beyond 2^-64. Throws Error unless count > 0.
  std::uint64_t below(std::uint64_t index, std::uint64_t count) const;
  // A permutation of 0 .. count-1 (Fisher-Yates).
  std::vector<std::int32_t> permutation(std::int32_t count) const;

  // Fill a float tensor: element i is draw i.
  void fill_uniform(Tensor& tensor, double low, double high) const;
  void fill_normal(Tensor& tensor, double mean, double deviation) const;

  // 128 fresh bits for block `block`: the draws 2 * block and 2 * block + 1 as four words.
  PhiloxBlock words(std::uint64_t block) const;
  // The same for blocks first .. first + count - 1, four words each, many blocks at a time in vector registers.
  void fill_words(std::uint64_t first_block, Index count, std::uint32_t* words) const;

 private:
  std::array<std::uint32_t, 2> key_{};
  std::uint64_t step_ = 0;
};

}  // namespace tempera
