// Is a difference between runs of the same seeds more than chance? Two tests of "the mean is above zero", one-sided.
//
// Student's t of n differences d_i, normally distributed under the hypothesis:
//   t = mean / (s / sqrt(n)),   s^2 = sum (d_i - mean)^2 / (n - 1),   p = P(T >= t), n - 1 degrees of freedom
// Sign flips, without a distribution: under the hypothesis every sign of d_i is as likely as the other, so
//   p = share of the 2^n choices of signs whose sum is at least the one seen
// With n seeds its p cannot fall below 2^-n: fewer than five decide nothing at 5 %. So t decides and flips stand
// beside.
#pragma once

#include <span>

namespace tempera {

struct PairedTest {
  double mean = 0;
  double p_t = 1;      // nan for fewer than two differences
  double p_flips = 1;  // exact; nan beyond 20 differences
};
// Differences without spread give p 0 above zero and 1 elsewhere.
PairedTest paired_test(std::span<const double> differences);

// How many differences would make p_t, of their mean or of its opposite, at most `p`, if mean and spread stayed as they
// are: the smallest n with P(T >= |mean| sqrt(n) / s) <= p. 0 where it is beyond 1,000, or they have no mean or no
// spread.
int differences_to_settle(std::span<const double> differences, double p);

// P(T >= t) of Student's t distribution; degrees >= 1. By the continued fraction of the incomplete beta function.
double student_t_tail(double t, int degrees);

}  // namespace tempera
