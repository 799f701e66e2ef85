// Muon (Jordan et al. 2024): momentum, orthogonalised, for the hidden matrices; AdamW for everything else.
//
//   m <- momentum m + (1 - momentum) g,   u = (1 - momentum) g + momentum m   (nesterov; else u = m)
//   X_0 = u / max(||u||_F, 1e-7),   A = X X^T,   X <- 3.4445 X + (-4.7750 A + 2.0315 A A) X      `iterations` times
//   p <- p - lr (sqrt(max(1, rows / cols)) X + weight_decay p)
//
// The iteration drives the singular values of u towards 1. The rule is that of torch.optim.Muon, except that the
// iteration runs in the parameters' own dtype, not in bfloat16. Learning rates differ by an order of magnitude from
// AdamW's, so the AdamW part has its own factor; its eps is 1e-8. The momentum of a matrix lies where the first moment
// of AdamW would.
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

 protected:
  std::unique_ptr<Optimizer> make_checked(std::vector<Segment> segments) const override;
};

}  // namespace tempera
