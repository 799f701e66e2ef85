// Norms of channels: axis 1 of x [B, C, ...].
//
//   n = (x - mean) r,  r = 1 / sqrt(var + eps),   y = gamma n + beta      biased variance in two passes
//   h = gamma dy,   dx = r (h - mean h - n mean(h n)),   dgamma = sum dy n,   dbeta = sum dy
// gamma, beta: [C] of the dtype of x; an undefined gamma ({}) counts as ones, an undefined beta as zeros. Throws Error
// for x of rank < 2 or int32, a gamma or beta of another shape or dtype, eps < 0. A constant set gives beta; infinities
// or NaN in a set make it NaN.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op group_norm_op;
extern const Op batch_norm_op;

// Group normalisation (Wu & He 2018): the statistics of each sample and each of `groups` sets of C / groups channels.
// Throws Error unless groups >= 1 divides C.
Var group_norm(const Var& x, Index groups, const Var& gamma = {}, const Var& beta = {}, double eps = 1e-5);

// Batch normalisation (Ioffe & Szegedy 2015) as in training: the statistics of each channel over all other axes.
// The caller keeps running statistics from mean and var [C]; PyTorch's running variance is the unbiased
// var n / (n - 1), n = size / C.
struct BatchNorm {
  Var y;
  Tensor mean, var;  // of this batch, biased
};
BatchNorm batch_norm(const Var& x, const Var& gamma = {}, const Var& beta = {}, double eps = 1e-5);

// As in inference: with given statistics [C], which have no gradient; dx = r h.
Var batch_norm_inference(const Var& x, const Tensor& mean, const Tensor& var, const Var& gamma = {},
                         const Var& beta = {}, double eps = 1e-5);

}  // namespace tempera
