// What every model is: from a batch to features, on which a head computes a loss or a prediction.
#pragma once

#include <functional>

#include "layers/token_mixer.h"

namespace tempera {

// The samples of a shard. Undefined where a model or a data set has no such thing.
struct ModelInput {
  Tensor inputs = {};          // tokens int32 [B, N]; vectors [B, N, features] or [B, features]; images [B, C, H, W]
  Tensor lengths = {};         // true lengths, int32 [B]
  Tensor second_inputs = {};   // the target of an encoder-decoder, shifted to the right; the other document of a pair
  Tensor second_lengths = {};  // int32 [B]
  Index prefix = 0;            // see Sequences::prefix
};

// What a sample looks like. Comes from the data, not from the model's options.
struct InputSpec {
  enum class Kind { tokens, features, image } kind = Kind::tokens;
  Index vocabulary = 0;                       // tokens, those of a written target too
  Index features = 0;                         // vectors
  Index channels = 0, height = 0, width = 0;  // images

  static InputSpec tokens(Index vocabulary);
  static InputSpec vectors(Index features, Index vocabulary = 0);
  static InputSpec images(Index channels, Index height, Index width);
  // Numbers in a sample of an image, or in one vector.
  Index numbers() const { return kind == Kind::image ? channels * height * width : features; }
};

// Where a token mixer stands in its model.
struct MixerPlace {
  int layer = 0;        // counted from 0 through the whole model
  bool causal = false;  // as the Sequences of every pass will say
  bool cross = false;   // it reads a memory
};

// Makes the token mixer of a place. Thus layers need not know the attentions.
using MixerFactory = std::function<std::unique_ptr<TokenMixer>(const MixerPlace&)>;

// What a model keeps between decoding steps.
struct ModelState {
  virtual ~ModelState() = default;
  virtual void reorder(std::span<const Index> rows) = 0;  // see MixerState::reorder
  Index position = 0;                                     // tokens that went before
};

class Model : public Module {
 public:
  // Before the output head: [B, N, width()] if per_token(), else [B, width()].
  virtual Var features(Context& context, const ModelInput& input) const = 0;
  virtual Index width() const = 0;
  virtual bool per_token() const = 0;
  // Whether it reads second_inputs.
  virtual bool reads_second() const { return false; }
  // The table of token embeddings whose transpose a tied head uses; null: there is none.
  virtual const Parameter* token_table() const { return nullptr; }

  // Decoding token by token. An empty state for sequences of up to `capacity` tokens, after `source` was read where the
  // model reads one (its inputs give the batch otherwise); then the features [B, n, width()] of the next tokens,
  // int32 [B, n]. They equal those of the full pass. Throw Error where a model does not decode.
  virtual std::unique_ptr<ModelState> make_state(Context& context, const ModelInput& source, Index capacity) const;
  virtual Var step(Context& context, const Tensor& tokens, ModelState& state) const;
};

}  // namespace tempera
