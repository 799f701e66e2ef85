// Norms over the last axis: one row, one statistic.
//
// x: [..., n]; gamma, beta: [n] of the dtype of x. An undefined gamma ({}) counts as ones, an undefined beta as zeros.
// Throws Error for a scalar or int32 x, a gamma or beta of another shape or dtype, eps < 0. Rows with infinities or NaN
// give NaN. The sums over rows in dgamma and dbeta run in an order that depends on the shape alone.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op layer_norm_op;
extern const Op rms_norm_op;

// Layer normalisation (Ba et al. 2016), biased variance in two passes:
//   n = (x - mean x) r,  r = 1 / sqrt(var x + eps),   y = gamma n + beta
//   h = gamma dy,   dx = r (h - mean h - n mean(h n)),   dgamma = sum dy n,   dbeta = sum dy    (sums over rows)
// A constant row gives beta.
Var layer_norm(const Var& x, const Var& gamma = {}, const Var& beta = {}, double eps = 1e-5);

// Root mean square normalisation (Zhang & Sennrich 2019):
//   n = x r,  r = 1 / sqrt(mean x^2 + eps),   y = gamma n
//   h = gamma dy,   dx = r (h - n mean(h n)),   dgamma = sum dy n
Var rms_norm(const Var& x, const Var& gamma = {}, double eps = 1e-5);

}  // namespace tempera
