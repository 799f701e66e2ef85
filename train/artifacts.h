// What a trained model shows beside the mean of its loss: figures that need every answer, and pictures for the report.
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

struct Findings {
  // Classes: top_5 (where there are more than 5) and calibration_error (losses/metrics.h). Text: bits_per_byte and
  // bits_per_character, the loss over the text that its tokens stand for.
  std::vector<NamedValue> metrics;
  std::optional<LabelledMatrix> confusion;  // of up to 50 classes
};

// Over the whole set, in its order. `metrics` are those of Trainer::evaluate over the same samples. Empty where task or
// head have no such figures.
Findings findings(Experiment& experiment, const Dataset& set, std::span<const NamedValue> metrics);

// The weights of every attention for the first sample of the validation set, or of the training set without one, as
// artifacts: one for each side of the model. Long texts are cut to their first 64 tokens. None without attention.
void write_attention_maps(Experiment& experiment, const RunFolder& folder);

}  // namespace tempera
