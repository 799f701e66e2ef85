// Power softmax: an even power in the place of the exponential, for arithmetic that can only add and multiply.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   plain     w_j = s_j^p / (eps + sum s^p)
//   stable    the same of s / c,  c = max |s| + delta: all powers lie in [0, 1]; equal to `plain` for eps = 0
//   mean      w_j = s_j^p / n * 1 / (eps + mean s^p)            n the count of visible keys: the divisor does not grow
// Zimerman et al. 2024, Power-Softmax (arXiv 2410.09457); p is even, 4 in the paper. Weights follow the size of the
// score, not its sign; s -> c s changes nothing (eps = 0), s -> s + c does. A row of zeros gives zeros, rows sum to
// slightly less than 1. With reciprocal_steps > 0 the reciprocal of `mean` is a polynomial, Goldschmidt's iteration for
// divisors up to `bound`:
//   1 / a ~ f y_k,  f = 2 / (bound + eps);   y_0 = 1, e_0 = 1 - f a;   y_{k+1} = y_k (1 + e_k),  e_{k+1} = e_k^2
// with the relative error |1 - f a|^(2^k).
struct PowerOptions : NormalizerOptions {
  int power = 4;
  std::string form = "stable";
  double eps = 1e-3;
  double delta = 1e-6;
  int reciprocal_steps = 0;
  double bound = 100;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

}  // namespace tempera
