#include "data/sampler.h"

#include <algorithm>

#include "data/permutation.h"

namespace tempera {

Sampler::Sampler(std::int64_t set_size, const SamplerOptions& options) : size_(set_size), options_(options) {
  require(options.batch > 0, "Sampler", "a batch of {} samples was asked for; at least 1 was wanted", options.batch);
  require(set_size > 0, "Sampler", "the set is empty");
  steps_ = set_size / options.batch + (!options.drop_last && set_size % options.batch != 0 ? 1 : 0);
  require(steps_ > 0, "Sampler",
          "the set has {} samples, fewer than a batch of {}; lower the batch or keep the last one", set_size,
          options.batch);
}

void Sampler::samples(std::int64_t step, std::vector<std::int64_t>& out) const {
  require(step >= 0, "Sampler", "step {} was asked for; steps count from 0", step);
  const std::int64_t first = step % steps_ * options_.batch, last = std::min(size_, first + options_.batch);
  out.resize(static_cast<std::size_t>(last - first));
  if (!options_.shuffle) {
    for (std::int64_t i = first; i < last; ++i) out[static_cast<std::size_t>(i - first)] = i;
    return;
  }
  const Permutation order(size_, Rng(options_.seed, "data/order", static_cast<std::uint64_t>(epoch(step))));
  for (std::int64_t i = first; i < last; ++i) out[static_cast<std::size_t>(i - first)] = order(i);
}

void spread_samples(std::int64_t size, std::int64_t count, std::int64_t first, std::int64_t last,
                    std::vector<std::int64_t>& out) {
  out.clear();
  for (std::int64_t i = first; i < std::min(count, last); ++i) out.push_back(i * size / count);
}

}  // namespace tempera
