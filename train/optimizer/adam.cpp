#include "train/optimizer/adam.h"

#include <cmath>

#include "train/optimizer/update.h"

namespace tempera {
namespace {

class Adam : public Optimizer {
 public:
  Adam(const AdamOptions& options, std::vector<Segment> segments)
      : Optimizer(std::move(segments), {"first_moment", "second_moment"}), o_(options) {}

 private:
  void update(Tensor& values, const Tensor& gradients, const StepInfo& info) override {
    update_adam(o_, segments_, values, gradients, state_[0], state_[1], info);
  }

  AdamOptions o_;
};

}  // namespace

void update_adam(const AdamOptions& o, std::span<const Segment> segments, Tensor& values, const Tensor& gradients,
                 Tensor& first_moment, Tensor& second_moment, const StepInfo& info) {
  const double b1 = o.betas[0], b2 = o.betas[1], t = static_cast<double>(info.step);
  const double c1 = 1 - std::pow(b1, t), c2 = 1 - std::pow(b2, t);
  dispatch(values.dtype(), [&]<class T>(Type<T>) {
    const auto rule_of = [&](const Segment& segment) {
      const double decay = segment.decay ? o.weight_decay : 0, lr = info.lr * segment.lr_factor;
      const Lanes<T> keep1(b1), add1(1 - b1), keep2(b2), add2(1 - b2), eps(o.eps);
      const Lanes<T> rate(lr / c1), inverse_c2(1 / c2);
      const Lanes<T> coupled(o.decoupled ? 0 : decay), shrink(o.decoupled ? 1 - lr * decay : 1);
      return [=](auto& p, auto g, auto& m, auto& v) {
        g += coupled * p;
        m = keep1 * m + add1 * g;
        v = keep2 * v + add2 * g * g;
        p = p * shrink - rate * m / (sqrt(v * inverse_c2) + eps);
      };
    };
    detail::update_segments<T, 2>(segments, values.data<T>(), gradients.data<T>(),
                                  {first_moment.data<T>(), second_moment.data<T>()}, info, rule_of);
  });
}

void AdamOptions::describe(Fields& f) {
  f("betas", betas, "shares of the first and the second moment that are kept", from_up_to(0, 1));
  f("eps", eps, "added to the root of the second moment", above(0));
  f("weight_decay", weight_decay,
    decoupled ? "shrinks the parameters by lr * weight_decay each step" : "added to the gradient times the parameter",
    at_least(0));
}

std::vector<Problem> AdamOptions::problems() const {
  if (betas.size() != 2) return {{"betas", "two numbers were wanted, as in [0.9, 0.999]"}};
  return {};
}

std::unique_ptr<Optimizer> AdamOptions::make_checked(std::vector<Segment> segments) const {
  return std::make_unique<Adam>(*this, std::move(segments));
}

}  // namespace tempera
