#include "losses/output_layer.h"

#include "core/ops/linear.h"

namespace tempera {

OutputLayer::OutputLayer(std::string_view who, const HeadSizes& sizes, bool bias)
    : outputs_(sizes.outputs), tied_(sizes.tied) {
  require(sizes.width > 0 && sizes.outputs > 0, who, "width {} and {} outputs came; both must be above 0", sizes.width,
          sizes.outputs);
  const Shape shape{sizes.outputs, sizes.width};
  if (tied_)
    require(tied_->shape == shape, who, "the tied embedding has shape {}, but {} outputs of width {} need {}; untie it",
            tied_->shape, sizes.outputs, sizes.width, shape);
  else weight_ = Parameter(shape, Init::fan_in(sizes.width));
  if (bias) bias_ = Parameter({sizes.outputs}, Init::zeros(), false);
}

void OutputLayer::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  visitor("bias", bias_);
}

const Var& OutputLayer::weight(Context& context) const {
  return context[tied_ ? *tied_ : weight_];
}

const Var& OutputLayer::bias(Context& context) const {
  return context[bias_];
}

Var OutputLayer::operator()(Context& context, const Var& x) const {
  return linear(x, weight(context), bias(context));
}

}  // namespace tempera
