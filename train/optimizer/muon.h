// Muon (Jordan et al. 2024): momentum, orthogonalised, for the hidden matrices; AdamW for everything else.
//
//   m <- momentum m + g,   u = g + momentum m  (nesterov)
//   X_0 = u / ||u||_F,   A = X X^T,   X <- 3.4445 X + (-4.7750 A + 2.0315 A A) X      five times
//   p <- p - lr (sqrt(max(1, rows / cols)) X + weight_decay p)
//
// The iteration drives the singular values of u towards 1. Learning rates differ by an order of magnitude from AdamW's,
// so the AdamW part has its own factor.
#pragma once

#include "train/optimizer/optimizer.h"

namespace tempera {

struct MuonOptions : OptimizerOptions {
  double momentum = 0.95;
  bool nesterov = true;
  int iterations = 5;
  double weight_decay = 0;
  double adam_lr_factor = 0.1;  // learning rate of the AdamW part over that of the matrices
  std::vector<double> betas = {0.9, 0.95};

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<Optimizer> make(std::vector<Segment> segments) const override;
};

}  // namespace tempera
