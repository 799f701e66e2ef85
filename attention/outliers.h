// Where a trained model has grown outliers: in activations, in weights, in attention.
//
// An et al. 2025, Systematic Outliers in Large Language Models (arXiv 2502.06415). The thresholds are the paper's, for
// models of d_model >= 768: a maximum over a mean never exceeds the count of entries, so a small layer needs a smaller
// ratio. All take float32 or float64.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace tempera {

// Tokens of activations [.., d_model] whose largest entry exceeds `ratio` times the mean of the layer, both by size.
std::vector<Index> activation_outliers(const Tensor& activations, double ratio = 1000);

// Keys of weights [H, N, M] that gather at least `share` of all queries' attention, on average over the heads:
// sum_i w_ij >= share N. With few queries a key reaches that without being a sink; ask for sequences of 64 or more.
std::vector<Index> attention_sinks(const Tensor& weights, double share = 0.1);

// How far the worst row, or column, of a matrix stands out: its max |w| / mean |w| over the median of that ratio.
struct WeightOutlier {
  Index where = 0;
  double ratio = 0, over_median = 0;
};
WeightOutlier row_outlier(const Tensor& matrix);
WeightOutlier column_outlier(const Tensor& matrix);

}  // namespace tempera
