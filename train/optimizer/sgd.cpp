#include "train/optimizer/sgd.h"

#include "train/optimizer/update.h"

namespace tempera {
namespace {

class Sgd : public Optimizer {
 public:
  Sgd(const SgdOptions& options, std::vector<Segment> segments)
      : Optimizer(std::move(segments), {"velocity"}), o_(options) {}

 private:
  void update(Tensor& values, const Tensor& gradients, const StepInfo& info) override {
    dispatch(values.dtype(), [&]<class T>(Type<T>) {
      const auto rule_of = [&](const Segment& segment) {
        const auto lr = static_cast<T>(info.lr * segment.lr_factor), mu = static_cast<T>(o_.momentum);
        const auto lambda = static_cast<T>(segment.decay ? o_.weight_decay : 0);
        return [=, nesterov = o_.nesterov](auto& p, auto g, auto& v) {
          g += p * lambda;
          v = v * mu + g;
          p += -(nesterov ? g + v * mu : v) * lr;
        };
      };
      detail::update_segments<T, 1>(segments_, values.data<T>(), gradients.data<T>(), {state_[0].data<T>()}, info,
                                    rule_of);
    });
  }

  SgdOptions o_;
};

}  // namespace

void SgdOptions::describe(Fields& f) {
  f("momentum", momentum, "share of the last velocity that is kept", from_up_to(0, 1));
  f("nesterov", nesterov, "look ahead along the velocity");
  f("weight_decay", weight_decay, "added to the gradient times the parameter", at_least(0));
}

std::vector<Problem> SgdOptions::problems() const {
  if (nesterov && momentum == 0) return {{"nesterov", "nesterov needs a momentum above 0"}};
  return {};
}

std::unique_ptr<Optimizer> SgdOptions::make_checked(std::vector<Segment> segments) const {
  return std::make_unique<Sgd>(*this, std::move(segments));
}

}  // namespace tempera
