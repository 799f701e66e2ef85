// The family of attentions: what a configuration chooses by `attention.type`, as mixers of a transformer block.
#pragma once

#include "core/fields.h"
#include "layers/token_mixer.h"

namespace tempera {

// Where an attention stands. Comes from the model, not from the options.
struct AttentionPlace {
  Index d_model = 0;
  bool causal = false;  // as the Sequences of every pass say, which decide what is seen: T5's buckets are split so
  bool cross = false;   // reads a memory; takes no positions
  bool bias = true;
  Init init = Init::normal(0.02);    // of query, key, value
  Init output = Init::normal(0.02);  // of the output matrix, which ends a residual branch
};

struct AttentionTraits {
  bool causal = true, bidirectional = true, cross = true;  // what it can do
  bool decodes = true;                                     // causal, step by step
  bool ordered = false;                                    // knows the order of tokens without being told positions
  double time = 2, memory = 1;                             // exponents in the length of the sequence
};

struct AttentionOptions : Options {
  virtual AttentionTraits traits() const = 0;
  virtual std::unique_ptr<TokenMixer> make(const AttentionPlace& place) const = 0;
};

std::span<const Kind> attention_kinds();

// What reads the memory of an encoder-decoder: "same", the kind and options of the other attentions, or one of those
// that have a cross form, and some that have no other (`cross_attention.type`).
std::span<const Kind> cross_attention_kinds();

// Stands for the other attentions.
struct SameAttention : Options {
  void describe(Fields&) override {}
};

}  // namespace tempera
