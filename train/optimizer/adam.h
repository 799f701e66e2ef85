// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).
//
//   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
//   p <- p - lr (m / c1) / (sqrt(v / c2) + eps)            c_i = 1 - b_i^t
//
// Adam adds weight_decay p to g; AdamW instead shrinks p by lr weight_decay p before the step, so that decay does not
// pass through the normalisation.
#pragma once

#include "train/optimizer/optimizer.h"

namespace tempera {

struct AdamOptions : OptimizerOptions {
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  // AdamW

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;

 protected:
  std::unique_ptr<Optimizer> make_checked(std::vector<Segment> segments) const override;
};

struct AdamWOptions : AdamOptions {
  AdamWOptions() {
    weight_decay = 0.01;
    decoupled = true;
  }
};

// One step over some segments, for rules that leave a part of the parameters to Adam.
void update_adam(const AdamOptions& options, std::span<const Segment> segments, Tensor& values, const Tensor& gradients,
                 Tensor& first_moment, Tensor& second_moment, const StepInfo& info);

}  // namespace tempera
