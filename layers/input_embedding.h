// From what the data gives to tokens of width d_model, with positions and dropout.
#pragma once

#include <optional>

#include "layers/embedding.h"
#include "layers/model.h"
#include "layers/positions.h"
#include "layers/stem.h"
#include "layers/transformer_options.h"

namespace tempera {

//   tokens   [B, N] int32            -> tokens.weight[t]
//   vectors  [B, N, features]        -> a linear layer, or SeriesStem (options.stem)
//   images   [B, C, H, W]            -> PatchEmbedding, or ImageStem
// plus positions, then dropout. Token embeddings are multiplied by sqrt(d_model) with scale_embedding; with fix_norm a
// row w becomes length sqrt(d_model) w / |w|, `length` learned, 1 at first (FixNorm: Nguyen & Chiang 2018, arXiv
// 1710.01329). Numbers of another type are converted.
struct InputEmbedding : Module {
  InputEmbedding(const InputSpec& spec, const TransformerOptions& options);
  void visit(ParameterVisitor& v) override;

  struct Embedded {
    Var x;           // [B, N', d_model]
    Tensor lengths;  // of it
  };
  // `start`: position of the first token.
  Embedded forward(Context& context, const Tensor& input, const Tensor& lengths, Index start = 0) const;

  InputSpec::Kind kind;
  std::optional<Embedding> tokens;
  std::optional<Linear> features;
  std::optional<PatchEmbedding> patches;
  std::optional<ImageStem> image_stem;
  std::optional<SeriesStem> series_stem;
  std::optional<Positions> positions;
  Parameter length;  // [1], of fix_norm
  double scale, dropout;
};

// `input` as a constant of the tape, converted to the type of the parameters where it holds numbers of another.
Var number_input(Context& context, const Tensor& input);

}  // namespace tempera
