// Softmax cross-entropy in which some classes keep still.
#pragma once

#include "core/ops/cross_entropy.h"

namespace tempera {

//   z'_j = m where class j is hidden, z_j elsewhere;     loss = sum over rows of -log softmax(z')_y / normaliser
//   p_j  = exp(z_j) / (sum over k not hidden of exp(z_k) + (number hidden) exp(m))
//   dz_j = (p_j - [j = y]) / normaliser, and exactly 0 where j is hidden: m is no function of z
//                                                  z [B, K], y int32 [B] -> scalar; hidden int32 [K] or [B, K], or
//                                                  undefined: nothing is
// (Revisiting softmax masking for stability in continual learning, 2023, arXiv:2309.14808.) m = -inf takes hidden
// classes out of the softmax: nothing pushes them down, and the gradient of a row sums to 0. The larger m, the smaller
// every p_j: the pull on the true class tends to 1, the push on the others to 0. Targets of -1 take no part; `sums` are
// those of cross_entropy over z'. A target that is hidden costs -log of a constant: +inf for m = -inf.
Var masked_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& hidden, double m, double normaliser,
                         CrossEntropySums* sums = nullptr);

}  // namespace tempera
