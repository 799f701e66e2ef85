// What all attentions with heads share: the projections of tokens to queries, keys and values, and of outputs back.
//
//   q = norm(x Wq^T + bq),  k = norm(m Wk^T + bk),  v = m Wv^T + bv,    y = attention(q, k, v) Wo^T + bo
//
//   x [B, N, d_model]    m = x, or the memory [B, M, d_model] of a cross attention    y [B, N, d_model]
//   Wq [H D, d_model]    Wk, Wv [K D, d_model]    Wo [d_model, H D]                    K divides H (grouped queries)
//
// Names: query, key, value, output (.weight, .bias), and query_norm.weight, key_norm.weight [D] where asked for. What
// reads the same input is one product. Weights are not dropped out: no form of attention holds them all at once; the
// block drops out the output.
#pragma once

#include <optional>

#include "attention/attention.h"
#include "core/ops/rope.h"
#include "layers/linear.h"
#include "layers/norm.h"

namespace tempera {

struct MultiHeadOptions : AttentionOptions {
  int heads = 4;
  int kv_heads = 0;
  int head_width = 0;
  bool qk_norm = false;
  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
};

class MultiHead : public TokenMixer {
 public:
  // Throws Error where the sizes do not divide.
  MultiHead(const MultiHeadOptions& options, const AttentionPlace& place);
  void visit(ParameterVisitor& v) override;

  Index heads() const { return sizes_.heads; }
  Index kv_heads() const { return sizes_.kv_heads; }
  Index width() const { return sizes_.width; }

 protected:
  // Queries, keys and values in one of the packed forms of attention/score_attention.h.
  struct Packed {
    std::array<Var, 3> x;
    std::size_t count = 0;
    std::span<const Var> span() const { return std::span(x).first(count); }
  };
  // `rotation`: positions of self-attention, from `start` on.
  Packed project(Context& context, const Var& x, const Var& memory, const std::optional<RopeOptions>& rotation = {},
                 Index start = 0) const;
  // Each for itself: [B, N, H D], [B, M, K D] twice.
  std::array<Var, 3> unpack(const Packed& packed) const;
  // [B, N, heads D] -> [B, heads, N, D], and back.
  Var by_heads(const Var& x) const;
  Var by_tokens(const Var& x) const;
  // Keys or values [B, K, M, .] of every query head: [B, H, M, .]
  Var repeated(const Var& x) const;
  Var finish(Context& context, const Var& y) const;
  // Queries and keys leave project() with the length sqrt(width), whatever they had; zeros stay zeros.
  void want_unit_vectors() { unit_vectors_ = true; }

 private:
  // One product of x with the matrices of several projections.
  Var together(Context& context, const Var& x, std::initializer_list<const Linear*> parts) const;
  Var prepared(Context& context, const Var& x, Index heads, const RMSNorm* norm,
               const std::optional<RopeOptions>& rotation) const;

  struct Sizes {
    Index heads, kv_heads, width;  // of a head
  };
  static Sizes sizes_of(const MultiHeadOptions& options, Index d_model);

  Sizes sizes_;
  bool unit_vectors_ = false;
  Linear query_, key_, value_, output_;
  std::unique_ptr<RMSNorm> query_norm_, key_norm_;
};

}  // namespace tempera
