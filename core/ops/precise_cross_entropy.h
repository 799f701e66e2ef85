// Cross-entropies computed in an arithmetic of their own, whatever type the logits have: where they end is studied.
#pragma once

#include "core/ops/cross_entropy.h"

namespace tempera {

extern const Op precise_cross_entropy_op, stablemax_cross_entropy_op;

enum class Arithmetic { float16, float32, float64 };

// Sums over the targets that take part, as those of a cross-entropy.
struct PreciseSums : CrossEntropySums {
  double collapsed = 0;  // targets whose sum S is exactly 1: the largest logit has absorbed all others
  double zero = 0;       // targets whose l is exactly 0
};

// Softmax cross-entropy with every number rounded to an arithmetic (Prieto et al. 2025, "Grokking at the edge of
// numerical stability"):
//
//   m = max z,  e_i = exp(z_i - m),  S = sum e_i in the order of i,  l = log S - (z_t - m)
//   dl/dz_i = e_i / S - [i = t],     loss = sum over targets of u l / normaliser         z [.., C] -> scalar
//
// One class ahead of one other by 7.63 (float16), 16.64 (float32) or 36.74 (float64) gives S = 1 and a gradient of 0:
// softmax collapse. Weights u, normaliser, edge cases and errors as for cross_entropy(). One thread for each row; for
// diagnosis rather than for speed.
Var precise_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                          Arithmetic arithmetic, std::int32_t ignore_index = -1, PreciseSums* sums = nullptr);

// StableMax cross-entropy (the same paper), in float64:
//
//   s(x) = x + 1 for x >= 0, 1 / (1 - x) for x < 0,   S = sum s(z_i),   l = log S - log s(z_t)
//   dl/dz_i = s'(z_i) / S - [i = t] s'(z_t) / s(z_t),  s'(x) = 1 for x >= 0, 1 / (1 - x)^2 for x < 0
//
// s grows linearly, so no class is absorbed: l is 0 for a single class alone. Not invariant to shifts of z. A logit of
// -inf has s = 0; where the target's is, l = inf.
Var stablemax_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                            std::int32_t ignore_index = -1, PreciseSums* sums = nullptr);

}  // namespace tempera
