// A linear layer and the top-k cross-entropy of its outputs, whose gradient touches but k + 1 rows of the weight for
// each target.
#pragma once

#include "core/ops/cross_entropy.h"

namespace tempera {

extern const Op linear_topk_cross_entropy_op;

//   Z = X W^T + b,    l = log sum over i in O of exp(z_i) - z_t,    loss = sum over targets of u l / normaliser
//   X [.., I], W [C, I], b [C] or undefined, targets int32 [..] -> scalar
// O are the k largest logits of a row, of equal ones the first. The target need not be among them: l stays finite, and
// is no -log p then. With p_i = exp(z_i) / sum over O in O and 0 elsewhere,
//   g = p - [i = t],    dX = G W,    dW = G^T X,    db = column sums of G,    G = dloss u / normaliser g
// where G has at most k + 1 entries in a row; rows of dW that no target touches get zeros. The selection is taken as
// constant. Sun et al. 2021, Sparse-softmax (arXiv 2112.12433). k >= C is the cross-entropy; k = 1 is max z - z_t.
// Memory: all logits in the forward pass, k + 1 numbers of a row after it. The same bits on any number of threads.
// `sums` as of cross_entropy(), with l in the place of nll. Throws Error as linear() and cross_entropy() do, and for k
// < 1.
Var linear_topk_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& targets, const Tensor& weights,
                              double normaliser, Index k, std::int32_t ignore_index = -1,
                              CrossEntropySums* sums = nullptr);

}  // namespace tempera
