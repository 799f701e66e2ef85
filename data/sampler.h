// Which samples step n trains on: computed from n, so that a run continues at any step without replaying the ones
// before.
#pragma once

#include <cstdint>
#include <vector>

namespace tempera {

struct SamplerOptions {
  std::int64_t batch = 1;  // samples a step
  bool shuffle = true;     // a fresh order every epoch; otherwise 0, 1, 2, ...
  bool drop_last = true;   // leave out the last samples of an epoch where they fill no batch; otherwise a smaller batch
  std::uint64_t seed = 0;
};

class Sampler {
 public:
  // Throws Error for an empty set, a batch below 1, or where drop_last leaves no batch.
  Sampler(std::int64_t set_size, const SamplerOptions& options);

  std::int64_t steps_per_epoch() const { return steps_; }
  std::int64_t epoch(std::int64_t step) const { return step / steps_; }

  // The samples of step `step` >= 0, in order. An epoch visits each sample once at most (exactly once unless drop_last
  // leaves some out), in the order of a permutation keyed by (seed, epoch).
  void samples(std::int64_t step, std::vector<std::int64_t>& out) const;

 private:
  std::int64_t size_;
  SamplerOptions options_;
  std::int64_t steps_;
};

// Numbers [first, last) of the `count` samples that stand for a set of `size` >= count: sample floor(i size / count)
// for i = 0, 1, ..., so that no part of the set is left out. Where count is size these are all samples.
void spread_samples(std::int64_t size, std::int64_t count, std::int64_t first, std::int64_t last,
                    std::vector<std::int64_t>& out);

}  // namespace tempera
