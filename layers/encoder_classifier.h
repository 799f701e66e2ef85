// The encoder: a bidirectional transformer with one vector of features for each sequence or image.
#pragma once

#include "layers/block.h"
#include "layers/input_embedding.h"
#include "layers/pooling.h"

namespace tempera {

struct EncoderOptions : TransformerOptions {
  std::string pooling = "mean";
  void describe(Fields& f) override;
};

// Embedding, blocks, last norm, pooling (Vaswani et al. 2017; images: Dosovitskiy et al. 2021). features: [B, d_model].
// With "cls" a learned token stands before the others, and its features are the result.
class EncoderClassifier : public Model {
 public:
  EncoderClassifier(const EncoderOptions& options, const InputSpec& spec, const MixerFactory& mixers);
  void visit(ParameterVisitor& v) override;
  Var features(Context& context, const ModelInput& input) const override;
  Var encode(Context& context, const Tensor& inputs, const Tensor& lengths) const;
  Index width() const override { return width_; }
  bool per_token() const override { return false; }

 private:
  Index width_;
  Pooling pooling_;
  InputEmbedding embedding_;
  Parameter class_token_;  // [1, 1, d_model]
  Stack stack_;
};

struct TwoTowerOptions : EncoderOptions {};

// Two documents read by one encoder, without a look at each other; what both say together (Tay et al. 2021, retrieval).
//   features = [u, v, u v, u - v]        [B, 4 d_model], u = encode(inputs), v = encode(second_inputs)
class TwoTower : public Model {
 public:
  TwoTower(const TwoTowerOptions& options, const InputSpec& spec, const MixerFactory& mixers);
  void visit(ParameterVisitor& v) override { v("encoder", encoder_); }
  Var features(Context& context, const ModelInput& input) const override;
  Index width() const override { return 4 * encoder_.width(); }
  bool per_token() const override { return false; }
  bool reads_second() const override { return true; }

 private:
  EncoderClassifier encoder_;
};

}  // namespace tempera
