// The encoder-decoder: a target is written while a source is read.
#pragma once

#include "layers/block.h"
#include "layers/input_embedding.h"

namespace tempera {

struct EncoderDecoderOptions : TransformerOptions {
  int n_decoder_layers = 4;
  bool share_embedding = true;
  void describe(Fields& f) override;
};

// Vaswani et al. 2017. `inputs` is the source, tokens or vectors, `second_inputs` the target shifted to the right,
// tokens; those of both are of one vocabulary. A source of vectors shares no embedding with its target. Features: [B,
// N, d_model] of the target's tokens, each of which sees the whole source and the target up to itself. Mixers: the
// encoder's layers come first, then the decoder's.
class EncoderDecoder : public Model {
 public:
  EncoderDecoder(const EncoderDecoderOptions& options, const InputSpec& spec, const MixerFactory& mixers);
  void visit(ParameterVisitor& v) override;
  Var features(Context& context, const ModelInput& input) const override;
  Index width() const override { return width_; }
  bool per_token() const override { return true; }
  bool reads_second() const override { return true; }
  const Parameter* token_table() const override;
  std::unique_ptr<ModelState> make_state(Context& context, const ModelInput& source, Index capacity) const override;
  Var step(Context& context, const Tensor& tokens, ModelState& state) const override;

 private:
  struct Encoder : Module {
    Encoder(const TransformerOptions& options, const InputSpec& spec, const MixerFactory& mixers);
    void visit(ParameterVisitor& v) override;
    InputEmbedding::Embedded forward(Context& context, const ModelInput& input) const;
    InputEmbedding embedding;
    Stack stack;
  };
  struct Decoder : Module {
    Decoder(const TransformerOptions& options, const InputSpec& spec, const MixerFactory& mixers, int first,
            bool own_embedding);
    void visit(ParameterVisitor& v) override;
    std::optional<InputEmbedding> embedding;  // absent: the encoder's
    Stack stack;
  };

  InputEmbedding::Embedded target(Context& context, const Tensor& tokens, const Tensor& lengths, Index start) const;

  Index width_;
  Encoder encoder_;
  Decoder decoder_;
};

}  // namespace tempera
