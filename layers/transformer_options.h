// The options that all transformers share.
#pragma once

#include "core/fields.h"
#include "layers/linear.h"
#include "layers/stem.h"

namespace tempera {

struct TransformerOptions : Options {
  int d_model = 128;
  int n_layers = 4;
  std::string mlp = "gelu";
  int mlp_hidden = 0;
  std::string norm = "layer";
  double norm_eps = 1e-5;
  bool pre_norm = true;
  bool attention_norm = false;
  std::optional<double> layer_scale;
  bool bias = true;
  double dropout = 0;
  std::string positions = "learned";
  int max_length = 512;
  bool scale_embedding = false;
  bool fix_norm = false;
  std::string stem = "linear";
  int patch = 4;
  int patch_width = 0;
  double init_deviation = 0.02;
  std::optional<double> position_deviation;
  bool recompute = false;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;

  Init init() const { return Init::normal(init_deviation); }
  // Of learned positions and class tokens.
  double position_scale() const { return position_deviation.value_or(init_deviation); }
  PatchExtent patch_extent() const { return {patch, patch_width > 0 ? patch_width : patch}; }
  // Of the matrices that end a residual branch, 2 in each of `layers` layers: their sum keeps its scale
  // (Radford et al. 2019).
  Init residual_init(int layers) const;
};

}  // namespace tempera
