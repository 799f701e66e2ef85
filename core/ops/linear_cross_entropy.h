// A linear layer and the softmax cross-entropy of its outputs, in chunks of rows: the logits never lie in memory whole.
#pragma once

#include "core/ops/cross_entropy.h"

namespace tempera {

extern const Op linear_cross_entropy_op;

//   Z = X W^T + b,  loss = cross_entropy(Z, targets, weights, normaliser, terms)
//   X [.., I], W [C, I], b [C] or undefined, targets int32 [..] -> scalar
//   G = dloss/dZ,  dX = G W,  dW = G^T X,  db = column sums of G
// Chunk by chunk the logits are made, their loss taken, G written over them, and its share of dX and dW added up; so
// the gradients are ready when the forward pass ends, and the backward pass scales them by the incoming scalar. Weights
// and normaliser enter G before the products. Memory beside the inputs: chunk * C, and dX, dW, db where they are
// wanted; without gradients (a Pause, evaluation) only the former.
// `chunk_rows` 0 takes about 256 KiB of logits, but at least 256 rows: shorter chunks cost time, since W and dW pass
// through the caches once a chunk. The cut depends on the sizes alone, chunks are added in order, and threads share
// rows: the same bits on any number of threads. A chunk of another length moves dW by rounding only.
// Terms, edge cases and errors are those of cross_entropy and linear. The idea of fusing: Liger Kernel (Hsu et al.
// 2024).
Var linear_cross_entropy(const Var& x, const Var& w, const Var& b, const Tensor& targets, const Tensor& weights,
                         double normaliser, const CrossEntropyTerms& terms, CrossEntropySums* sums = nullptr,
                         Index chunk_rows = 0);

}  // namespace tempera
