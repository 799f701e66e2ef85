#include "train/optimizer/lion.h"

#include "train/optimizer/update.h"

namespace tempera {
namespace {

class Lion : public Optimizer {
 public:
  Lion(const LionOptions& options, std::vector<Segment> segments)
      : Optimizer(std::move(segments), {"momentum"}), o_(options) {}

 private:
  void update(Tensor& values, const Tensor& gradients, const StepInfo& info) override {
    const double b1 = o_.betas[0], b2 = o_.betas[1];
    dispatch(values.dtype(), [&]<class T>(Type<T>) {
      using L = Lanes<T>;
      const auto rule_of = [&](const Segment& segment) {
        const double lr = info.lr * segment.lr_factor, decay = segment.decay ? o_.weight_decay : 0;
        const L keep1(b1), add1(1 - b1), keep2(b2), add2(1 - b2), rate(lr), shrink(1 - lr * decay);
        return [=](auto& p, auto g, auto& m) {
          const L c = keep1 * m + add1 * g;
          const L sign = where(c > L(0), L(1), where(c < L(0), L(-1), L(0)));
          p = p * shrink - rate * sign;
          m = keep2 * m + add2 * g;
        };
      };
      detail::update_segments<T, 1>(segments_, values.data<T>(), gradients.data<T>(), {state_[0].data<T>()}, info,
                                    rule_of);
    });
  }

  LionOptions o_;
};

}  // namespace

void LionOptions::describe(Fields& f) {
  f("betas", betas, "shares of the momentum kept for the step and for the next momentum", from_up_to(0, 1));
  f("weight_decay", weight_decay, "shrinks the parameters by lr * weight_decay each step", at_least(0));
}

std::vector<Problem> LionOptions::problems() const {
  if (betas.size() != 2) return {{"betas", "two numbers were wanted, as in [0.9, 0.99]"}};
  return {};
}

std::unique_ptr<Optimizer> LionOptions::make_checked(std::vector<Segment> segments) const {
  return std::make_unique<Lion>(*this, std::move(segments));
}

}  // namespace tempera
