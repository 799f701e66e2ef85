// Mean of repeated runs and how far it may be off.
//
//   half = t * s / sqrt(n),   s^2 = sum (x_i - mean)^2 / (n - 1),   t = 0.975 quantile of Student's t with n - 1
//   degrees
//
// mean +- half covers the true mean in 95 of 100 experiments, if what varies between runs is normally distributed.
#pragma once

#include <span>

namespace tempera {

struct MeanInterval {
  double mean = 0;
  double half = 0;  // nan for a single value: nothing is known then
  int n = 0;
};
MeanInterval mean_interval(std::span<const double> values);

// 0.975 quantile of Student's t distribution; degrees >= 1. Error below 1e-3 of the value.
double student_t975(int degrees);

}  // namespace tempera
