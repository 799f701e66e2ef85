// What a learner of a stream of tasks still knows.
#pragma once

#include "core/tensor.h"

namespace tempera {

// a[k][i]: the accuracy on task i when k tasks are done; k = 0 is before the first, i = 1 .. T. (Lopez-Paz & Ranzato
// 2017, "Gradient episodic memory"; Chaudhry et al. 2018, "Riemannian walk", for forgetting.) After task k:
//
//   average            mean over i <= k of a[k][i]
//   forgetting         mean over i < k of (max over i <= r <= k of a[r][i]) - a[k][i]
//   backward transfer  mean over i < k of a[k][i] - a[i][i]
//   forward transfer   mean over 1 < i <= k of a[i - 1][i] - a[0][i]
//
// Means over nothing, and what was not measured, are nan.
class AccuracyMatrix {
 public:
  explicit AccuracyMatrix(Index tasks);

  Index tasks() const { return values_.dim(1); }
  double at(Index done, Index task) const { return values_.at(place(done, task)); }
  void set(Index done, Index task, double accuracy) { values_.set(place(done, task), accuracy); }

  double average(Index done) const;
  double forgetting(Index done) const;
  double backward_transfer(Index done) const;
  double forward_transfer(Index done) const;

  // float64 [T + 1, T], row k, column i - 1.
  const Tensor& values() const { return values_; }

 private:
  Index place(Index done, Index task) const;
  Tensor values_;
};

}  // namespace tempera
