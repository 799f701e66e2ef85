// What a model of sequence to sequence writes, for the report.
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

// Sequence to sequence: what the model writes, always the likeliest token, for the first samples of the validation set,
// or of the training set without one; as one artifact of text. Nothing for other tasks.
void write_answers(Experiment& experiment, const RunFolder& folder);

}  // namespace tempera
