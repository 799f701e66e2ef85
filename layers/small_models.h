// Models without a transformer, to compare with and to begin with.
#pragma once

#include "core/fields.h"
#include "layers/linear.h"
#include "layers/model.h"
#include "layers/stem.h"

namespace tempera {

struct MlpOptions : Options {
  std::vector<std::int64_t> hidden = {128, 128};
  std::string activation = "gelu";
  bool bias = true;
  double dropout = 0;
  std::string init = "fan_in";
  double init_scale = 1;
  void describe(Fields& f) override;
};

// Linear layers with activations over the numbers of a sample: images or vectors, flattened. Without layers the numbers
// themselves, on which the head is a linear model.
//   features: [B, hidden.back()]
class MlpModel : public Model {
 public:
  MlpModel(const MlpOptions& options, const InputSpec& spec);
  void visit(ParameterVisitor& v) override { v("layers", layers_); }
  Var features(Context& context, const ModelInput& input) const override;
  Index width() const override { return layers_.empty() ? numbers_ : layers_.back().weight.shape[0]; }
  bool per_token() const override { return false; }

 private:
  Index numbers_;
  double dropout_;
  std::vector<Linear> layers_;
};

struct CnnOptions : Options {
  std::vector<std::int64_t> channels = {32, 64};
  int kernel = 3;
  std::string activation = "relu";
  double dropout = 0;
  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
};

// For each entry of `channels` a convolution with activation and a maximum over 2 x 2; then all that is left, flattened
// (LeCun et al. 1998).        images [B, C, H, W] -> features [B, channels.back() floor(H / 2^n) floor(W / 2^n)]
class Cnn : public Model {
 public:
  Cnn(const CnnOptions& options, const InputSpec& spec);
  void visit(ParameterVisitor& v) override { v("convs", convs_); }
  Var features(Context& context, const ModelInput& input) const override;
  Index width() const override { return width_; }
  bool per_token() const override { return false; }

 private:
  Index width_;
  double dropout_;
  std::vector<Conv> convs_;
};

}  // namespace tempera
