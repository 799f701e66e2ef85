// Pictures of attention for the report.
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

// The weights of every attention for the first sample of the validation set, or of the training set without one, as
// artifacts: one for each side of the model. Long texts are cut to their first 64 tokens. None without attention.
void write_attention_maps(Experiment& experiment, const RunFolder& folder);

}  // namespace tempera
