// Losses against what another model answered, or the same one earlier.
#pragma once

#include "core/tape.h"

namespace tempera {

// softmax(z / T) over the classes that are not hidden, 0 for those that are, into `soft`.
//                                                   z [B, K], hidden int32 [K] or undefined, soft [B, K] of z's dtype
void soften(const Tensor& logits, const Tensor& hidden, double temperature, Tensor& soft);

//   loss = -sum over rows and classes of q log softmax(z / T) / normaliser           z [B, K], q [B, K] -> scalar
//   dz_j = (softmax(z / T)_j - q_j) / (T normaliser), exactly 0 where j is hidden
// where the softmax knows only the classes that are not hidden, as q does, whose rows sum to 1 (soften() makes them).
// (Hinton et al. 2015, "Distilling the knowledge in a neural network"; without their factor T^2, as in Li & Hoiem 2016,
// "Learning without forgetting".)
Var distillation(const Var& logits, const Tensor& soft, const Tensor& hidden, double temperature, double normaliser);

//   loss = sum (z - r)^2 / normaliser,     dz = 2 (z - r) / normaliser               z, r [B, K] -> scalar
// Matching of logits (Buzzega et al. 2020, "Dark experience for general continual learning").
Var matching(const Var& logits, const Tensor& reference, double normaliser);

}  // namespace tempera
