// The decoder: a causal transformer with features for each token, as in a language model.
#pragma once

#include "layers/block.h"
#include "layers/input_embedding.h"

namespace tempera {

struct DecoderOptions : TransformerOptions {};

// GPT (Radford et al. 2019): embedding, blocks, and the last norm. features: [B, N, d_model]; token n sees tokens <= n,
// and the first `prefix` ones.
class DecoderLM : public Model {
 public:
  DecoderLM(const DecoderOptions& options, const InputSpec& spec, const MixerFactory& mixers);
  void visit(ParameterVisitor& v) override;
  Var features(Context& context, const ModelInput& input) const override;
  Index width() const override { return width_; }
  bool per_token() const override { return true; }
  const Parameter* token_table() const override;
  std::unique_ptr<ModelState> make_state(Context& context, const ModelInput& source, Index capacity) const override;
  Var step(Context& context, const Tensor& tokens, ModelState& state) const override;

 private:
  Index width_;
  InputEmbedding embedding_;
  Stack stack_;
};

}  // namespace tempera
