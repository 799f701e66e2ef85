// Expected alignments of monotonic attention, and their chunks.
//
// A reader walks along the keys and never back: query i starts where query i - 1 stopped, passes key j with probability
// 1 - p_ij, and stops at it with p_ij (Raffel et al. 2017, arXiv 1704.00784).
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op monotonic_alignment_op;
extern const Op monotonic_chunks_op;

//   q_i1 = a_(i-1)1,    q_ij = (1 - p_i(j-1)) q_i(j-1) + a_(i-1)j,    a_ij = p_ij q_ij        p [.., N, M] -> a [.., N,
//   M]
// a_ij is the probability that query i stops at key j; a_0 = `before` [.., M], undefined: (1, 0, ..). What a row lacks
// of 1 ran off the end, and stays there. With p in {0, 1} every row is one-hot at the first 1 from the last one on.
//   backward, from the last row and the last key on, G = da + what the row below asks for:
//   dq_j = p_j G_j + (1 - p_j) dq_(j+1),    dp_j = q_j (G_j - dq_(j+1)),    da_(i-1)j += dq_j
// Throws Error unless p has two axes or more and `before` fits. No gradient for `before`.
Var monotonic_alignment(const Var& p, const Tensor& before = {});

//   b_ij = sum over k in [j, j + width) of a_ik exp(u_ij) / sum over l in (k - width, k] of exp(u_il)
// A softmax over the `width` keys that end where the reader stopped (Chiu & Raffel 2018, arXiv 1712.05382).
// a, u [.., N, M] -> [.., N, M]. With s_kl the weights of the chunk that ends at k:
//   da_k = sum over l of s_kl db_l,    du_l = sum over k of a_k s_kl (db_l - da_k)
// Throws Error where the shapes differ, or for a width below 1.
Var monotonic_chunks(const Var& a, const Var& u, Index width);

}  // namespace tempera
