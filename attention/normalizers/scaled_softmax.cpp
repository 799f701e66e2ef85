#include "attention/normalizers/scaled_softmax.h"

#include "attention/normalizers/softmax.h"
#include "core/ops/linear.h"
#include "core/ops/reshape.h"
#include "core/pointwise.h"

namespace tempera {
namespace {

class ScaledSoftmax : public Softmax {
 public:
  explicit ScaledSoftmax(const NormalizerPlace& place)
      : heads_(place.heads),
        weight_({place.heads, place.d_model}, Init::fan_in(place.d_model)),
        bias_({place.heads}, Init::zeros(), false) {}

  void visit(ParameterVisitor& v) override {
    v("weight", weight_);
    v("bias", bias_);
  }
  Var finish(Context& context, const Var& y, const Var& x) const override {
    const Var factor = linear(x, context[weight_], context[bias_]);  // [B, N, H]
    const Var heads = reshape(y, {y.dim(0), y.dim(1), heads_, -1});
    const Var scaled = pointwise([](auto o, auto f) { return 2 * sigmoid(f) * o; }, heads,
                                 reshape(factor, {factor.dim(0), factor.dim(1), heads_, 1}));
    return reshape(scaled, y.shape());
  }

 private:
  Index heads_;
  Parameter weight_, bias_;
};

}  // namespace

std::unique_ptr<ScoreNormalizer> ScaledSoftmaxOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<ScaledSoftmax>(place);
}

}  // namespace tempera
