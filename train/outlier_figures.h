// How far a trained model's weights, activations and attention stand out: the diagnostics of An et al. 2025, Systematic
// Outliers in Large Language Models (arXiv 2502.06415; attention/outliers.h), as metrics of an evaluation.
#pragma once

#include "train/experiment.h"

namespace tempera {

// Over up to 8 samples spread evenly over the set, of texts the first 256 tokens, one by one:
//   activation_ratio    max |a| / mean |a|, the largest over samples, outputs of blocks and inputs of MLPs' last
//   matrices activation_median   the same over the median of |a| outlier_tokens      share of the tokens there with an
//   entry above 1000 times the mean sink_share          the share of all queries' weights that one key gathers, on
//   average over heads: the largest over
//                       keys and attentions, averaged over the samples
//   idle_heads          heads whose weights for a query sum to less than 0.1, on average over queries and samples
//   weight_ratio        max |w| / mean |w| of a row or column of a block's matrix over the median of its matrix, the
//                       largest over all
// Nothing where there is nothing of the kind. The evaluation `evaluate.outliers` asks for it.
NamedValues outlier_figures(Experiment& experiment, const Dataset& set);

}  // namespace tempera
