// T5's relative bias: a learned number per head and bucket of distances.
#pragma once

#include "attention/score_bias.h"

namespace tempera {

//   bias(h, i, j) = table[h, bucket(j - i)]                table [H, buckets], no decay, from 0
// Raffel et al. 2020. The side of the past has all buckets if causal, otherwise half of them, and the future the other
// half. On a side of S buckets a distance n < S/2 has a bucket of its own; above, bucket S/2 + floor(log(n / (S/2)) /
// log(max_distance / (S/2)) S/2), at most S - 1.
class BucketBias : public ScoreBias {
 public:
  // Throws Error unless 2 <= side of `buckets` and its half < max_distance.
  BucketBias(Index heads, Index buckets, Index max_distance, bool causal);
  void add(const BiasBlock<float>& block, float* scores) const override;
  void add(const BiasBlock<double>& block, double* scores) const override;
  void backward(const BiasBlock<float>& block, const float* dscores, const HeadValues<float>& to) const override;
  void backward(const BiasBlock<double>& block, const double* dscores, const HeadValues<double>& to) const override;

  Index bucket(Index offset) const {  // of key position - query position
    if (offset > 0) return causal_ ? 0 : side_ + of_[static_cast<std::size_t>(std::min(offset, max_distance_))];
    return of_[static_cast<std::size_t>(std::min(-offset, max_distance_))];
  }

 private:
  Index side_, max_distance_;
  bool causal_;
  std::vector<Index> of_;  // bucket of each distance up to max_distance
};

}  // namespace tempera
