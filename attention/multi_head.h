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

  Index heads() const { return heads_; }
  Index kv_heads() const { return kv_heads_; }
  Index width() const { return width_; }

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
  Var finish(Context& context, const Var& y) const;
  // Queries and keys leave project() with the length sqrt(width), whatever they had; zeros stay zeros.
  void want_unit_vectors() { unit_vectors_ = true; }

 private:
  struct Projection : Module {
    Projection() = default;
    Projection(Index in, Index out, Init init, bool with_bias)
        : weight({out, in}, init), bias(with_bias ? Parameter({out}, Init::zeros(), false) : Parameter()) {}
    void visit(ParameterVisitor& v) override {
      v("weight", weight);
      v("bias", bias);
    }
    Parameter weight, bias;
  };
  struct Gain : Module {
    explicit Gain(Index width) : weight({width}, Init::ones(), false) {}
    void visit(ParameterVisitor& v) override { v("weight", weight); }
    Parameter weight;
  };

  // One product of x with the matrices of several projections.
  Var together(Context& context, const Var& x, std::initializer_list<const Projection*> parts) const;
  Var prepared(Context& context, const Var& x, Index heads, const Gain* norm,
               const std::optional<RopeOptions>& rotation) const;

  Index heads_, kv_heads_, width_;
  bool unit_vectors_ = false;
  Projection query_, key_, value_, output_;
  std::unique_ptr<Gain> query_norm_, key_norm_;
};

}  // namespace tempera
