// What the heads of a trained model are worth, and where they look.
#pragma once

#include "train/experiment.h"

namespace tempera {

// Heads are taken away by setting their columns of the output matrix to zero; the others stay as they are. Of the cross
// attentions where the model has some, else of all attentions:
//   without_head_accuracy   the accuracy without one head, the mean over heads: how much it hangs on each
//   without_idle_accuracy   the accuracy without the heads whose weights sum to less than 0.1 for a query, on average:
//                           what pruning would cost
//   pruned_heads            their number
// Where a target reads a memory, NaN where no head has a weight above zero:
//   backward_steps          the share of a head's steps from one token of the target to the next, both with a weight
//                           above zero, after which it looks most at an earlier token of the memory than before
//   encoder_zeros           the share of the encoder's weights that are exactly zero
// Where a normalizer has a parameter for each head:
//   normalizer_spread       the largest difference between heads of one attention
// Over `samples` spread evenly over the set; weights are looked at in the first 16. The evaluation `evaluate.heads`
// asks for it.
NamedValues head_figures(Experiment& experiment, const Dataset& set, std::int64_t samples);

}  // namespace tempera
