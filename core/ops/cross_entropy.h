// Softmax cross-entropy of logits against class indices.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op cross_entropy_op;

// What a cross-entropy may do beside -log p. With p = softmax(x), L = log sum exp(x), t the target and C classes, one
// target costs
//
//   l = (1 - smoothing) w_t (L - x_t)  +  smoothing / C sum_c w_c (L - x_c)  +  z_loss w_t L^2
//   dl/dx_c = ((1 - smoothing) w_t + smoothing / C sum_k w_k + 2 z_loss w_t L) p_c
//             - (1 - smoothing) w_t [c = t] - smoothing / C w_c
//
// label smoothing: Szegedy et al. 2016, "Rethinking the Inception architecture"; z-loss: Chowdhery et al. 2022, "PaLM".
struct CrossEntropyTerms {
  double smoothing = 0;  // in [0, 1): share of the target that is spread evenly over all classes
  double z_loss = 0;     // at least 0; keeps L near 0
  std::int32_t ignore_index = -1;
  Tensor class_weights = {};  // w [C], of the logits' dtype; undefined: all 1
};

// Sums over the targets that take part: those that are not ignored and whose own weight is not 0.
struct CrossEntropySums {
  double targets = 0;  // how many
  double weight = 0;   // u w_t summed: what a mean divides by
  double loss = 0;     // u l summed
  double nll = 0;      // L - x_t summed, each target once: what perplexity is made of
  double correct = 0;  // targets whose logit is the largest; of equal logits the first counts as the answer
  // Of targets [.., N]: the rows in which a target takes part, and those of them where all that do are correct. Targets
  // of fewer than two axes count each by itself.
  double sequences = 0, exact = 0;
};

//   loss = sum over targets of u l / normaliser          x logits [.., C], t targets int32 [..] -> scalar
//   dx   = dloss u / normaliser dl/dx
// `weights` u has the shape of the targets or of their first axes (one for each sample), in the logits' dtype;
// undefined: all 1. A target of weight 0 is left out as if it were ignored. The normaliser is known beforehand, so the
// losses of a batch cut in pieces add up to that of the whole; cross_entropy_weight() summed over the pieces gives the
// mean of PyTorch (F.cross_entropy with weight=w: divided by the weights of the targets, smoothing or not). A
// normaliser of 0, the weight of no target at all, gives loss 0 and gradient 0.
// The largest logit of a row is taken out first, so nothing overflows. A target whose logit is -inf costs +inf; with
// smoothing any logit of -inf does, unless its class weighs nothing; a row that is -inf throughout costs +inf and has a
// zero gradient; +inf gives NaN. `sums`, where it is not null, is added to.
// Throws Error where shapes or dtypes disagree, a target is neither in [0, C) nor ignored, or a term is out of range.
Var cross_entropy(const Var& logits, const Tensor& targets, const Tensor& weights, double normaliser,
                  const CrossEntropyTerms& terms, CrossEntropySums* sums = nullptr);

// The plain mean: u = w = 1, divided by the count of targets that are not ignored.
Var cross_entropy(const Var& logits, const Tensor& targets, std::int32_t ignore_index = -100);

// sum of u w_t over the targets that take part.
double cross_entropy_weight(const Tensor& targets, const Tensor& weights, const CrossEntropyTerms& terms,
                            Index classes);

}  // namespace tempera
