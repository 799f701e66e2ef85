// Figures about a trained model that need every answer, not the mean of its loss.
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

struct Findings {
  // Classes: top_5 (where there are more than 5) and calibration_error (losses/metrics.h). Text: bits_per_byte and
  // bits_per_character, the loss over the text that its tokens stand for. With evaluate.outliers, .abstention, .heads:
  // those of train/outlier_figures.h, abstention_figures.h, head_figures.h.
  NamedValues metrics;
  std::optional<LabelledMatrix> confusion;  // of up to 50 classes
};

// Over the set, or `samples` spread evenly over it. `metrics` are those of Trainer::evaluate over the same samples.
// Empty where task or head have no such figures.
Findings findings(Experiment& experiment, const Dataset& set, const NamedValues& metrics, std::int64_t samples = 0);

}  // namespace tempera
