// Which samples step n trains on: computed from n, so that a run continues at any step without replaying the ones
// before.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace tempera {

struct SamplerOptions {
  std::int64_t batch = 1;  // samples a step
  bool shuffle = true;     // a fresh order every epoch; otherwise 0, 1, 2, ...
  bool drop_last = true;   // leave out the last samples of an epoch where they fill no batch; otherwise a smaller batch
  std::uint64_t seed = 0;
};

// A time in which only the samples [first, first + size) come, over and over.
struct Stage {
  std::int64_t first = 0, size = 0;
  std::int64_t steps = std::numeric_limits<std::int64_t>::max();
};

class Sampler {
 public:
  // The whole set all the time. Throws Error for an empty set, a batch below 1, or where drop_last leaves no batch.
  Sampler(std::int64_t set_size, const SamplerOptions& options) : Sampler({Stage{0, set_size}}, options) {}
  // One stage after another; the last does not end. The same errors for each stage, and for a stage of no step.
  Sampler(std::vector<Stage> stages, const SamplerOptions& options);

  // Of the stage that step `step` belongs to.
  std::int64_t steps_per_epoch(std::int64_t step = 0) const { return times_[stage_of(step)].per_epoch; }
  // The epoch that step `step` belongs to, counted through all stages.
  std::int64_t epoch(std::int64_t step) const;
  // Passes over the samples of their stages in so many steps.
  double epochs(std::int64_t steps) const;

  // The samples of step `step` >= 0, in order. An epoch visits each sample of its stage once at most (exactly once
  // unless drop_last leaves some out), in the order of a permutation keyed by (seed, epoch). A stage begins with a new
  // epoch.
  void samples(std::int64_t step, std::vector<std::int64_t>& out) const;
  // How many they are.
  std::int64_t size(std::int64_t step) const { return range(step).count; }

 private:
  struct Times {
    std::int64_t begin, per_epoch, epochs_before;  // first step; steps of an epoch; epochs begun before
  };
  struct Range {
    std::int64_t first, count;  // places in the order of the epoch
  };
  std::size_t stage_of(std::int64_t step) const;
  Range range(std::int64_t step) const;

  std::vector<Stage> stages_;
  std::vector<Times> times_;
  SamplerOptions options_;
};

// Numbers [first, last) of the `count` samples that stand for a set of `size` >= count: sample floor(i size / count)
// for i = 0, 1, ..., so that no part of the set is left out. Where count is size these are all samples.
void spread_samples(std::int64_t size, std::int64_t count, std::int64_t first, std::int64_t last,
                    std::vector<std::int64_t>& out);

}  // namespace tempera
