// The exponential moving average of the weights, over the flat buffer.
//
//   a_t = d_t a_{t-1} + (1 - d_t) w_t,     d_t = min(decay, (1 + t) / (10 + t)),     t = 1, 2, ...;  a_0 = w_1
//
// Polyak & Juditsky 1992. The ramp of d (as in TensorFlow's ExponentialMovingAverage) stands in for a bias correction:
// the average never starts from 0, and the first weights are forgotten soon.
#pragma once

#include "core/fields.h"
#include "core/tensor.h"

namespace tempera {

struct AverageOptions : Options {
  double decay = 0.999;  // 0: no average is kept
  bool ramp = true;      // false: d_t = decay from the start
  void describe(Fields& f) override;
};

class WeightAverage {
 public:
  explicit WeightAverage(const AverageOptions& options) : o_(options) {}

  // After step t, counted from 1. Allocates at the first call only; the same bits on any number of threads. Throws
  // Error where the size or dtype of the weights changed, or t < 1.
  void update(const Tensor& weights, std::int64_t t, int threads = 1);
  // d_t
  double decay(std::int64_t t) const;

  // Undefined before the first update. The checkpoint writes it, and prepares and fills it.
  Tensor& state() { return average_; }
  const Tensor& state() const { return average_; }

 private:
  AverageOptions o_;
  Tensor average_;
};

}  // namespace tempera
