#include "layers/stem.h"

#include "core/ops/conv.h"
#include "core/ops/permute.h"
#include "core/ops/reshape.h"
#include "core/pointwise.h"
#include "layers/padding.h"

namespace tempera {
namespace {

// [B, D, H, W] or [B, D, N] -> [B, H W, D]
Var as_tokens(const Var& x) {
  return transpose(x.rank() == 4 ? flatten(x, 2) : x, 1, 2);
}

}  // namespace

PatchEmbedding::PatchEmbedding(Index channels_, PatchExtent patch_, Index d_model, bool bias)
    : channels(channels_), patch(patch_), project(channels * patch.height * patch.width, d_model, {.bias = bias}) {}

Var PatchEmbedding::forward(Context& context, const Var& image) const {
  require(image.rank() == 4 && image.dim(1) == channels, "PatchEmbedding",
          "the images are {}; [B, {}, H, W] was wanted", image.shape(), channels);
  const Index batch = image.dim(0), height = image.dim(2), width = image.dim(3);
  require(height % patch.height == 0 && width % patch.width == 0, "PatchEmbedding",
          "images of {} x {} do not divide into patches of {} x {}; choose another patch, or pad the images", height,
          width, patch.height, patch.width);
  const Index rows = height / patch.height, cols = width / patch.width, pixels = patch.height * patch.width;
  // One channel after the other: a tensor has no six axes.
  const Var grid = reshape(image, Shape{batch * channels, rows, patch.height, cols, patch.width});
  const Var patches = permute(grid, {0, 1, 3, 2, 4});  // [B C, rows, cols, height, width]
  const Var apart = reshape(patches, Shape{batch, channels, rows * cols, pixels});
  return project.forward(context, reshape(permute(apart, {0, 2, 1, 3}), Shape{batch, rows * cols, channels * pixels}));
}

Conv::Conv(Index in, Index out, Index kernel, Index stride_, int axes, Activation activation_)
    : bias({out}, Init::zeros(), false), stride(stride_), activation(activation_) {
  require(kernel % 2 == 1, "Conv", "the kernel is {} wide; an odd number was wanted", kernel);
  const Init init = Init::fan_in(in * kernel * (axes == 2 ? kernel : 1));
  weight = Parameter(axes == 2 ? Shape{out, in, kernel, kernel} : Shape{out, in, kernel}, init);
}

void Conv::visit(ParameterVisitor& v) {
  v("weight", weight);
  v("bias", bias);
}

Var Conv::forward(Context& context, const Var& x) const {
  const Index padding = (weight.shape.back() - 1) / 2;
  const Var y =
      weight.shape.rank() == 4
          ? conv2d(x, context[weight], context[bias], {.stride = {stride, stride}, .padding = {padding, padding}})
          : conv1d(x, context[weight], context[bias], {.stride = stride, .padding = padding});
  if (activation == Activation::none) return y;
  return tempera::visit(activation, [&](auto f) { return pointwise(f, y); });
}

ImageStem::ImageStem(Index channels, Index d_model, int depth) {
  require(depth >= 1 && d_model % (Index{1} << (depth - 1)) == 0, "ImageStem",
          "d_model is {}; {} doublings of the channels want a multiple of {}", d_model, depth - 1,
          Index{1} << (depth - 1));
  Index in = channels;
  for (int k = 0; k < depth; ++k) {
    const Index out = d_model >> (depth - 1 - k);
    convs.emplace_back(in, out, 3, 2, 2, k + 1 == depth ? Activation::none : Activation::gelu);
    in = out;
  }
}

Index ImageStem::length(Index extent, int depth) {
  for (int k = 0; k < depth; ++k) extent = (extent + 1) / 2;
  return extent;
}

Var ImageStem::forward(Context& context, const Var& image) const {
  Var x = image;
  for (std::size_t k = 0; k < convs.size(); ++k) x = run(context, "convs." + std::to_string(k), convs[k], x);
  return as_tokens(x);
}

SeriesStem::SeriesStem(Index features, Index d_model)
    : conv1(features, d_model, 3, 1, 1, Activation::gelu), conv2(d_model, d_model, 3, 2, 1, Activation::gelu) {}

void SeriesStem::visit(ParameterVisitor& v) {
  v("conv1", conv1);
  v("conv2", conv2);
}

Var SeriesStem::forward(Context& context, const Var& x, Tensor& lengths) const {
  const auto as_channels = [&](const Var& tokens) {
    return transpose(without_padding(context, tokens, lengths), 1, 2);
  };
  const Var h = as_tokens(run(context, "conv1", conv1, as_channels(x)));
  const Var y = as_tokens(run(context, "conv2", conv2, as_channels(h)));
  if (lengths.defined()) {
    Tensor half = context.tape().empty(lengths.shape(), DType::int32);
    half.vec<std::int32_t>() = (lengths.vec<std::int32_t>() + 1) / 2;
    lengths = half;
  }
  return y;
}

}  // namespace tempera
