// Examples of the operations of score attention, from which their gradients are proved.
#pragma once

#include "attention/score_attention.h"

namespace tempera {

std::vector<Example> attention_examples(AttentionKernel kernel);
std::vector<Example> attention_weights_examples();

// Whether the kernel `streaming` may stand in for the normalizer.
bool streams(const ScoreNormalizer& normalizer);

}  // namespace tempera
