// What turns images and series of vectors into tokens.
#pragma once

#include "layers/linear.h"

namespace tempera {

// Pixels of a patch: a square, or as high and wide as said.
struct PatchExtent {
  PatchExtent(Index side) : height(side), width(side) {}
  PatchExtent(Index height_, Index width_) : height(height_), width(width_) {}
  Index height, width;
};

// Non-overlapping patches, flattened as (channel, row, column) and projected (Dosovitskiy et al. 2021). The weight is
// that of PyTorch's Conv2d(channels, d_model, patch, stride=patch), flattened.
//   image [B, C, H, W] -> [B, H / patch.height * W / patch.width, d_model], row by row
// Throws Error unless the patch divides the image.
struct PatchEmbedding : Module {
  PatchEmbedding(Index channels, PatchExtent patch, Index d_model, bool bias = true);
  void visit(ParameterVisitor& v) override { project.visit(v); }
  Var forward(Context& context, const Var& image) const;

  Index channels;
  PatchExtent patch;
  Linear project;
};

// One convolution with bias and activation.
//   image: x [B, C, H, W], weight [O, C, K, K]         series: x [B, C, L], weight [O, C, K]
// padding (K - 1) / 2, K odd; y has ceil(extent / stride) along each axis.
struct Conv : Module {
  Conv(Index in, Index out, Index kernel, Index stride, int axes, Activation activation);
  void visit(ParameterVisitor& v) override;
  Var forward(Context& context, const Var& x) const;

  Parameter weight, bias;
  Index stride;
  Activation activation;
};

// Convolutions of 3 x 3 with stride 2 and GELU, each with twice the channels of the one before, the last with d_model
// and no activation (Xiao et al. 2021).
//   image [B, C, H, W] -> [B, H' W', d_model], H' = ceil(H / 2^depth)
struct ImageStem : Module {
  ImageStem(Index channels, Index d_model, int depth = 2);
  void visit(ParameterVisitor& v) override { v("convs", convs); }
  Var forward(Context& context, const Var& image) const;
  static Index length(Index extent, int depth);

  std::vector<Conv> convs;
};

// Two convolutions of width 3 over time with GELU, the second with stride 2 (Radford et al. 2023).
//   x [B, N, features] -> [B, ceil(N / 2), d_model]. What lies beyond the lengths is never seen.
struct SeriesStem : Module {
  SeriesStem(Index features, Index d_model);
  void visit(ParameterVisitor& v) override;
  // `lengths` becomes that of the result: ceil(length / 2).
  Var forward(Context& context, const Var& x, Tensor& lengths) const;

  Conv conv1, conv2;
};

}  // namespace tempera
