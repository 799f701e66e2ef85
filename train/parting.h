// Where two runs part: the first measurement, and the first parameter, on which they do not agree to the last bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "train/experiment.h"
#include "train/output/metrics_log.h"

namespace tempera {

struct Parting {
  std::int64_t step = 0;
  std::string what;  // "train loss", "blocks.0.mlp.up.weight[17]"
  double a = 0, b = 0;

  std::string text() const;  // "step 12: train loss is 1.5 and 1.25"
};

// Of the metrics that both recorded at a step; nan agrees with nan. How long something took is no metric.
std::optional<Parting> part_in_records(std::span<const MetricRecord> a, std::span<const MetricRecord> b);

// Of the checkpoints of the same step that both runs have, oldest first. Throws CheckpointError for one that cannot be
// read, or where a parameter of one is not there in the other or has another shape. `compared` counts the checkpoints.
std::optional<Parting> part_in_checkpoints(const std::filesystem::path& a, const std::filesystem::path& b,
                                           int& compared);

// Trains both step by step, beginning with their initial weights (step 0), and compares all parameters after each.
// `stop` is asked between steps. Throws SetupError where the models are not alike.
std::optional<Parting> part_in_replay(Experiment& a, Experiment& b, std::int64_t steps,
                                      const std::function<bool(std::int64_t step)>& stop);

// Trains the experiment as its run did and compares what was recorded with what comes now. The first disagreement ends
// it; the trainer then stands at that step. Nothing where the end is reached, or should_stop of the trainer asked.
std::optional<Parting> replay(Experiment& experiment, std::span<const MetricRecord> recorded);

}  // namespace tempera
