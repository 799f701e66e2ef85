// The loss that belongs to entmax and sparsemax, as cross-entropy belongs to the softmax.
#pragma once

#include "core/ops/cross_entropy.h"

namespace tempera {

extern const Op entmax_loss_op;

// Sums over the targets that take part, as those of a cross-entropy (nll stays 0); the classes with p > 0; and the
// Jensen-Shannon divergence KL(p, m) / 2 + KL(q, m) / 2, m = (p + q) / 2, in nats.
struct EntmaxSums : CrossEntropySums {
  double support = 0, divergence = 0;
};

//   p = argmax over the simplex of <p, z> + H(p),    H(p) = (1 - sum p^alpha) / (alpha (alpha - 1)),    alpha > 1;
//                                               H(p) = -sum p log p,                               alpha = 1
//   l = <p - q, z> + H(p) - H(q),    loss = sum over targets of u l / normaliser,    dz = dloss u / normaliser (p - q)
//   logits z [.., C] -> scalar
// q is one-hot at class indices int32 [..], of which `ignore_index` are left out, or the rows of floats [.., C] over
// their sums: proportions, or several labels alike; a row without any is left out. Weights u and normaliser as in
// cross_entropy(). l >= 0, and 0 only where p = q: for alpha = 2 and one class where it is ahead by 1.
// Martins & Astudillo 2016, From Softmax to Sparsemax (alpha = 2); Blondel, Martins & Niculae 2019, Learning with
// Fenchel-Young losses. At alpha = 1 p is the softmax and l is KL(q, p), the cross-entropy of one class.
// Throws Error where shapes or types disagree, a class is unknown, q has a negative entry, or alpha < 1.
Var entmax_loss(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser, double alpha,
                std::int32_t ignore_index = -1, EntmaxSums* sums = nullptr);

// sum of u over the targets that take part.
double entmax_weight(const Tensor& targets, const Tensor& weights, Index classes, std::int32_t ignore_index = -1);

}  // namespace tempera
