// Attention by scores: every query weighs the values by a normalizer of its scores with the keys.
//
//   S = scale Q K^T + bias,    W = normalizer(S) over the keys that are visible,    O = W V
//
//   q [B, H, N, D]    k [B, K, M, D]    v [B, K, M, E]    o [B, H, N, E]        K divides H: query head h reads key
//   head
//                                                                              h / (H / K) (grouped queries)
//   dW = dO V^T,  dS = normalizer'(dW),  dV = W^T dO,  dQ = scale dS K,  dK = scale dS^T Q
//
// In the packed forms a token's heads are neighbours, as a linear layer leaves them, and nothing is copied:
//
//   qkv [B, N, (H + 2 K) D]                     queries, keys, values of a token
//   q [B, N, H D],  kv [B, M, 2 K D]            cross attention
//   q [B, N, H D],  k [B, M, K D],  v [B, M, K E]                          -> o [B, N, H E]
//
// Three forms compute it. No form sums across threads, and a row of O has the same bits whatever the keys that it does
// not see hold, unless they are infinite or NaN; keys beyond the true length are never read at all.
//
//   reference   the definition: matrices of scores and weights, kept for the backward pass. Memory N M.
//   blocks      blocks of rows, computed again in the backward pass. Any normalizer; memory of one block.
//   streaming   softmax with the running maximum and sum of Milakov & Gimelshein 2018, over tiles of keys; keeps O and
//               the logarithm of each row's sum (Dao 2023, FlashAttention-2, arXiv 2307.08691).
//   automatic   streaming for the softmax, blocks for all others. (A pointwise normalizer runs in tiles of keys there.)
//               The reference was slower at every length that was measured (docs/performance.md).
#pragma once

#include "attention/normalizer.h"
#include "attention/score_bias.h"
#include "core/tape.h"

namespace tempera {

extern const Op attention_weights_op;
extern const Op blocks_attention_op;
extern const Op streaming_attention_op;

enum class AttentionKernel { automatic, reference, blocks, streaming };
// "auto", "reference", "blocks", "streaming". Throws Error for another name.
AttentionKernel attention_kernel(std::string_view name);
std::span<const std::string_view> attention_kernel_names();

// How scores become weights. Normalizer and bias must outlive the records on the tape; `parameters` are theirs, as
// HeadParameters::vars gives them.
struct ScoreAttention {
  const ScoreNormalizer* normalizer = nullptr;
  const ScoreBias* bias = nullptr;
  std::array<Var, kMaxHeadParameters> normalizer_parameters{};
  std::array<Var, kMaxHeadParameters> bias_parameters{};
  Visibility visibility{};
  double scale = 1;
  bool training = false;
  AttentionKernel kernel = AttentionKernel::automatic;
};

// [B, heads, tokens, width] each.
Var score_attention(const Var& q, const Var& k, const Var& v, const ScoreAttention& how);
// One to three Vars in a packed form.
Var packed_score_attention(std::span<const Var> packed, Index heads, Index kv_heads, const ScoreAttention& how);

// W of given scores [B, H, N, M], the bias added to them: for the form `reference`, and to look at.
Var attention_weights(const Var& scores, const ScoreAttention& how);

// Whether it is computed in the form `streaming`.
bool streams(const ScoreAttention& how);

// Decoding: the tokens' keys and values go into the cache, then their queries attend to all that it holds. Values only;
// `packed` as above, [B, N, H E] comes out. Where streams(how), the cache is a packed one, else one of rows.
class KeyValueCache;
Tensor cached_score_attention(std::span<const Var> packed, Index heads, Index kv_heads, KeyValueCache& cache,
                              const ScoreAttention& how);

}  // namespace tempera
