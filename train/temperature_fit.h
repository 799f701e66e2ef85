// The inverse temperature that would have served a trained softmax attention best, as a polynomial of its entropy: the
// fit behind the normalizer adaptive_temperature (Velickovic et al. 2024, arXiv 2410.01104), made anew for a model.
#pragma once

#include <array>
#include <vector>

#include "train/open_run.h"

namespace tempera {

struct TemperatureFit {
  std::array<double, 5> fit{};           // highest power first, for attention.normalizer.fit
  std::vector<double> entropies, betas;  // of the samples: the pairs that were fitted
};

// For each of `samples` samples spread evenly over the part "valid", "test" or "train" of the run's data: the mean
// entropy of its rows of attention weights, and of `kTemperatureBetas` the factor of all scores that gives its targets
// the greatest probability (the smallest factor of equals). Throws SetupError unless the run's attention is the softmax
// and its head cross_entropy; DataError where there is no such part; Error for entropies that are all but alike.
TemperatureFit fit_temperature(const std::string& run, const OpenOptions& options, const std::string& part,
                               std::int64_t samples);

// 2^-1, 2^-0.75, .. 2^3
std::span<const double> temperature_betas();

}  // namespace tempera
