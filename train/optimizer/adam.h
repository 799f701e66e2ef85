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
  std::unique_ptr<Optimizer> make(std::vector<Segment> segments) const override;
};

struct AdamWOptions : AdamOptions {
  AdamWOptions() {
    weight_decay = 0.01;
    decoupled = true;
  }
};

}  // namespace tempera
