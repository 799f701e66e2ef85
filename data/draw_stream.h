// Random numbers one after another, for what nobody can number beforehand: trees that grow, walks that are tried again.
#pragma once

#include "core/random.h"

namespace tempera {

class DrawStream {
 public:
  explicit DrawStream(const Rng& rng) : rng_(rng) {}

  double uniform() { return rng_.uniform(next_++); }
  double uniform(double low, double high) { return rng_.uniform(next_++, low, high); }
  // In [0, count).
  int below(int count) { return static_cast<int>(rng_.below(next_++, static_cast<std::uint64_t>(count))); }

 private:
  Rng rng_;
  std::uint64_t next_ = 0;
};

}  // namespace tempera
