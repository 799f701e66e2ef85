// One sample as a model's input, to be looked at closely.
#pragma once

#include "data/dataset.h"
#include "train/model_learner.h"

namespace tempera {

// Texts and series of vectors are cut to their own length, and to `most_tokens`; what lies beyond is never seen, or
// would be too much to look at. All else comes whole.
ModelInput single_sample(const ModelLearner& learner, const Dataset& set, std::int64_t sample, Index most_tokens);

}  // namespace tempera
