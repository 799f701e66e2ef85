#include "data/sampler.h"

#include <algorithm>

#include "data/permutation.h"

namespace tempera {

Sampler::Sampler(std::vector<Stage> stages, const SamplerOptions& options)
    : stages_(std::move(stages)), options_(options) {
  require(options.batch > 0, "Sampler", "a batch of {} samples was asked for; at least 1 was wanted", options.batch);
  require(!stages_.empty(), "Sampler", "there is no stage; at least one was wanted");
  Times times{0, 0, 0};
  for (const Stage& stage : stages_) {
    require(stage.size > 0, "Sampler", "the set is empty");
    require(stage.steps > 0, "Sampler", "a stage has {} steps; at least 1 was wanted", stage.steps);
    times.per_epoch = stage.size / options.batch + (!options.drop_last && stage.size % options.batch != 0 ? 1 : 0);
    require(times.per_epoch > 0, "Sampler",
            "the set has {} samples, fewer than a batch of {}; lower the batch or keep the last one", stage.size,
            options.batch);
    times_.push_back(times);
    if (times_.size() == stages_.size()) break;  // the last does not end
    times.begin += stage.steps;
    times.epochs_before += (stage.steps + times.per_epoch - 1) / times.per_epoch;
  }
}

std::size_t Sampler::stage_of(std::int64_t step) const {
  std::size_t stage = times_.size() - 1;
  while (times_[stage].begin > step) --stage;
  return stage;
}

std::int64_t Sampler::epoch(std::int64_t step) const {
  const Times& times = times_[stage_of(step)];
  return times.epochs_before + (step - times.begin) / times.per_epoch;
}

double Sampler::epochs(std::int64_t steps) const {
  double passed = 0;
  for (std::size_t i = 0; i < times_.size() && times_[i].begin < steps; ++i) {
    const std::int64_t end = i + 1 < times_.size() ? std::min(steps, times_[i + 1].begin) : steps;
    passed += static_cast<double>(end - times_[i].begin) / static_cast<double>(times_[i].per_epoch);
  }
  return passed;
}

Sampler::Range Sampler::range(std::int64_t step) const {
  require(step >= 0, "Sampler", "step {} was asked for; steps count from 0", step);
  const std::size_t stage = stage_of(step);
  const Times& times = times_[stage];
  const std::int64_t first = (step - times.begin) % times.per_epoch * options_.batch;
  return {first, std::min(stages_[stage].size - first, options_.batch)};
}

void Sampler::samples(std::int64_t step, std::vector<std::int64_t>& out) const {
  const auto [first, count] = range(step);
  const Stage& stage = stages_[stage_of(step)];
  out.resize(static_cast<std::size_t>(count));
  if (!options_.shuffle) {
    for (std::int64_t i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = stage.first + first + i;
    return;
  }
  const Permutation order(stage.size, Rng(options_.seed, "data/order", static_cast<std::uint64_t>(epoch(step))));
  for (std::int64_t i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = stage.first + order(first + i);
}

void spread_samples(std::int64_t size, std::int64_t count, std::int64_t first, std::int64_t last,
                    std::vector<std::int64_t>& out) {
  out.clear();
  for (std::int64_t i = first; i < std::min(count, last); ++i) out.push_back(i * size / count);
}

}  // namespace tempera
