// Stochastic gradient descent with momentum (Polyak 1964) and Nesterov's correction (Sutskever et al. 2013).
//
//   g <- g + weight_decay p,   v <- momentum v + g
//   p <- p - lr v                       or, nesterov: p - lr (g + momentum v)
//
// The same rule as torch.optim.SGD with dampening 0.
#pragma once

#include "train/optimizer/optimizer.h"

namespace tempera {

struct SgdOptions : OptimizerOptions {
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;

 protected:
  std::unique_ptr<Optimizer> make_checked(std::vector<Segment> segments) const override;
};

}  // namespace tempera
