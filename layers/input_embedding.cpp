#include "layers/input_embedding.h"

#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/layer_norm.h"
#include "layers/dropout.h"
#include "layers/padding.h"

namespace tempera {
namespace {

constexpr int kStemDepth = 2;
constexpr double kTiny = 1e-12;  // keeps a row of zeros at zero

Index image_tokens(const InputSpec& spec, const TransformerOptions& o) {
  if (o.stem == "conv") return ImageStem::length(spec.height, kStemDepth) * ImageStem::length(spec.width, kStemDepth);
  const PatchExtent patch = o.patch_extent();
  return (spec.height / patch.height) * (spec.width / patch.width);
}

}  // namespace

Var number_input(Context& context, const Tensor& input) {
  if (input.dtype() == context.dtype()) return context.tape().constant(input);
  return context.tape().constant(input.to(context.dtype(), context.tape().pool()));
}

InputEmbedding::InputEmbedding(const InputSpec& spec, const TransformerOptions& o)
    : kind(spec.kind), scale(o.scale_embedding ? std::sqrt(o.d_model) : 1), dropout(o.dropout) {
  const bool conv = o.stem == "conv";
  Index places = o.max_length;
  switch (kind) {
    case InputSpec::Kind::tokens:
      tokens.emplace(spec.vocabulary, o.d_model, o.init_deviation);
      if (o.fix_norm) length = Parameter({1}, Init::constant(1), false);
      break;
    case InputSpec::Kind::features:
      if (conv) series_stem.emplace(spec.features, o.d_model);
      else features.emplace(spec.features, o.d_model, LinearOptions{o.bias, Activation::none, o.init()});
      break;
    case InputSpec::Kind::image:
      if (conv) image_stem.emplace(spec.channels, o.d_model, kStemDepth);
      else patches.emplace(spec.channels, o.patch_extent(), o.d_model, o.bias);
      places = image_tokens(spec, o);
      break;
  }
  positions.emplace(o.positions, places, o.d_model, o.position_scale());
}

void InputEmbedding::visit(ParameterVisitor& v) {
  if (tokens) v("tokens", *tokens);
  if (features) v("features", *features);
  if (series_stem) v("stem", *series_stem);
  if (patches) v("patches", *patches);
  if (image_stem) v("stem", *image_stem);
  v("positions", *positions);
  v("length", length);
}

InputEmbedding::Embedded InputEmbedding::forward(Context& context, const Tensor& input, const Tensor& lengths,
                                                 Index start) const {
  constexpr const char* kWho = "InputEmbedding";
  require(input.defined(), kWho, "the input is missing");
  Embedded out{{}, lengths};
  if (tokens) {
    require(input.dtype() == DType::int32 && input.rank() == 2, kWho,
            "the input is {}; tokens, int32 [B, N], were "
            "wanted",
            input);
    out.x = run(context, "tokens", *tokens, input);
    if (length.exists()) out.x = rms_norm(out.x, {}, kTiny) * context[length];
    if (scale != 1) out.x = out.x * scale;
  } else if (kind == InputSpec::Kind::image) {
    const Var image = number_input(context, input);
    out.x = patches ? run(context, "patches", *patches, image) : run(context, "stem", *image_stem, image);
  } else {
    require(input.rank() == 3, kWho, "the input is {}; vectors, [B, N, features], were wanted", input);
    const Var x = number_input(context, input);
    out.x = features ? run(context, "features", *features, x) : run(context, "stem", *series_stem, x, out.lengths);
  }
  check_lengths(out.lengths, out.x.dim(0), out.x.dim(1), kWho);
  out.x = drop(context, run(context, "positions", *positions, out.x, start), dropout, "dropout");
  return out;
}

}  // namespace tempera
