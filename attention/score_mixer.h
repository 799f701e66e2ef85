// Multi-head attention by scores (attention/score_attention.h) as a part of a transformer block.
#pragma once

#include "attention/multi_head.h"
#include "attention/normalizer.h"
#include "attention/positions.h"
#include "attention/score_attention.h"

namespace tempera {

struct ScoreMixerOptions : MultiHeadOptions {
  Choice normalizer;
  Choice positions;
  std::string kernel = "auto";
  std::optional<double> scale;
  int window = 0;
  bool sink = false;
  std::string output_bias = "none";

  ScoreMixerOptions();
  void describe(Fields& f) override;
  AttentionTraits traits() const override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<TokenMixer> make(const AttentionPlace& place) const override;
};

// Adds the normalizer's parameters as normalizer.*, those of T5's bias as positions.*, sink.key, sink.value, and
// output_bias.value, output_bias.key.
//
// The sink is a learned key k' and value v' [K, D] in front of all tokens, seen by every one of them, padding or not
// (An et al. 2025, arXiv 2502.06415, "attention bias"). Through the softmax it gives (1 - w0) o + w0 v', where o is the
// output without it and w0 its weight: a token may look at nothing. It is not rotated; a bias by distance places it
// before the first token; it counts as a key.
//
// The output bias is the paper's control: what a sink adds to the output, without the scaling by 1 - w0.
//   fixed     o + v'           v' [H, D] from 0
//   context   o + w0 v'        w0 the weight of a sink of key k' and value v' [K, D], where it stands beside the others
class ScoreMixer : public MultiHead {
 public:
  ScoreMixer(const ScoreMixerOptions& options, const AttentionPlace& place);
  void visit(ParameterVisitor& v) override;

  Var forward(Context& context, const Var& x, const Sequences& sequences, const Var& memory = {},
              const Tensor& memory_lengths = {}) const override;

  // Keys and values of the tokens that went before. With a window only so many that no later token sees more: memory
  // of 2 windows. A step takes any number of tokens. Throws Error for a cross attention, lengths, a pass that is not
  // causal, a start other than the count of tokens before, more tokens than the capacity, and a prefix in a window.
  std::unique_ptr<MixerState> make_state(Index batch, Index capacity, DType dtype) const override;
  Var step(Context& context, const Var& x, MixerState& state, const Sequences& sequences) const override;

 private:
  struct State;
  struct Sink : Module {
    Sink(Index heads, Index width)
        : key({heads, width}, Init::normal(0.02)), value({heads, width}, Init::normal(0.02)) {}
    void visit(ParameterVisitor& v) override {
      v("key", key);
      v("value", value);
    }
    Parameter key, value;
  };
  struct OutputBias : Module {
    OutputBias(Index heads, Index width, bool with_key)
        : value({heads, width}, with_key ? Init::normal(0.02) : Init::zeros()),
          key(with_key ? Parameter({heads, width}, Init::normal(0.02)) : Parameter()) {}
    void visit(ParameterVisitor& v) override {
      v("value", value);
      v("key", key);
    }
    Parameter value, key;
  };
  // Keys and values with a sink before them, and what queries see then.
  Packed with_sink(Context& context, const Packed& packed, const Parameter& key, const Parameter& value) const;
  // Zeros in the place of the values.
  Packed without_values(Context& context, const Packed& packed) const;
  Visibility past_sink(Context& context, Visibility visibility) const;
  // y plus the output bias.
  Var biased(Context& context, const Var& y, const Packed& packed, const ScoreAttention& how) const;
  ScoreAttention how(Context& context, const Visibility& visibility, bool cross) const;
  // The heads' outputs to the tokens' outputs.
  Var completed(Context& context, const Var& y, const Var& x) const;
  void show_vacuity(Context& context, const Packed& packed, const ScoreAttention& how) const;
  void show_weights(Context& context, const Packed& packed, const ScoreAttention& how) const;
  Var attend_cached(Context& context, const Packed& tokens, State& state, Index prefix) const;
  bool context_bias() const { return output_bias_ && output_bias_->key.exists(); }

  std::unique_ptr<ScoreNormalizer> normalizer_;
  std::unique_ptr<ScoreBias> bias_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<OutputBias> output_bias_;
  std::optional<RopeOptions> rotation_;
  AttentionKernel kernel_;
  double scale_;
  Index window_;
  bool cross_;
};

}  // namespace tempera
