// Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2).
//
//   p <- p - lr (sign(b1 m + (1 - b1) g) + weight_decay p)
//   m <- b2 m + (1 - b2) g
#pragma once

#include "train/optimizer/optimizer.h"

namespace tempera {

struct LionOptions : OptimizerOptions {
  std::vector<double> betas = {0.9, 0.99};
  double weight_decay = 0.1;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;

 protected:
  std::unique_ptr<Optimizer> make_checked(std::vector<Segment> segments) const override;
};

}  // namespace tempera
