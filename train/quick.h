// A small network on handwritten digits: the first thing to run. The configuration and the trainer proper
// will take its place.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

#include "core/dtype.h"

namespace tempera {

struct QuickConfig {
  std::filesystem::path data;
  std::int64_t seed = 7;
  std::int64_t epochs = 40;
  std::int64_t batch = 32;
  std::int64_t width = 128;     // of both hidden layers
  double learning_rate = 2e-3;  // of AdamW, falling to 0 along a half cosine
  double weight_decay = 1e-2;
  DType dtype = DType::float32;
  std::int64_t threads = 1;

  std::string text() const;  // "key: value" lines, the effective configuration
};

// Reads a YAML file, then "key=value" overrides. Throws Error with file, line and column for a key that is unknown or
// given twice, and for a value of another kind or outside its range.
QuickConfig read_quick_config(const std::filesystem::path& file, std::span<const std::string> overrides = {});

struct QuickResult {
  std::int64_t steps = 0;
  double loss = 0;            // of the last epoch, mean
  double accuracy = 0;        // on the fifth of the digits that was held out
  std::uint64_t weights = 0;  // hash of the bytes of all parameters
};

// Trains and reports to `out`; with `terminal`, progress is a bar that is drawn over. Null: silent.
// The result depends on the configuration alone, not on the number of threads.
QuickResult run_quick(const QuickConfig& config, std::FILE* out = nullptr, bool terminal = false);

}  // namespace tempera
