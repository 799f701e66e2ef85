// Linear attention: weights that are products of features, so that their sum can be taken first.
//
//   o_i = sum_j <f_i, g_j> v_j / (sum_j <f_i, g_j> + eps)             over the keys j that query i sees
//       = f_i S_i / (f_i z_i + eps),    S_i = sum_j g_j v_j^T,  z_i = sum_j g_j
//
//   f [B, H, N, F]    g [B, K, M, F]    v [B, K, M, E]    o [B, H, N, E]      K divides H, as in score_attention.h
//
// Bidirectional: one S of all keys. Causal: chunks of 64 tokens; within a chunk the products of features, masked, and S
// of all chunks before. Decoding: S and z are the state. Time N F E, memory F E beside the tensors.
//
// With u_i = do_i / d_i and h_i = -<do_i, o_i> / d_i, d_i the denominator:
//   df_i = S_i u_i + h_i z_i,   dg_j = sum_i f_i (<u_i, v_j> + h_i),   dv_j = sum_i <f_i, g_j> u_i
//
// Source: Katharopoulos et al. 2020, Transformers are RNNs (arXiv 2006.16236).
#pragma once

#include "attention/visibility.h"
#include "core/tape.h"

namespace tempera {

extern const Op linear_attention_op;

// Causal or not, with lengths; a query of which no key is seen gets zeros. Throws Error for a window, a prefix, a
// start, and for causal attention over another number of keys than queries.
Var linear_attention(const Var& f, const Var& g, const Var& v, const Visibility& visibility, double eps = 1e-6);

// The weights <f_i, g_j> / (sum over seen k of <f_i, g_k> + eps), [B, H, N, M], 0 where a key is not seen: values only,
// to look at.
Tensor linear_attention_weights(const Tensor& f, const Tensor& g, const Visibility& visibility, double eps = 1e-6);

// What a decoder keeps: S [B, K, F, E] and z [B, K, F], of the sequences' dtype, zeros at first.
struct LinearAttentionState {
  Tensor sums, normaliser;
};

// Values only: the causal attention of the next tokens on top of the state, which takes them in.
Tensor linear_attention_step(Tape& tape, const Tensor& f, const Tensor& g, const Tensor& v, LinearAttentionState& state,
                             double eps = 1e-6);

}  // namespace tempera
