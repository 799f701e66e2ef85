// Softmax whose temperature falls, row by row, where attention has spread out.
#pragma once

#include "attention/normalizer.h"

namespace tempera {

//   p = softmax(s),  H = -sum p log(p + 1e-9),   w = softmax(beta s)
//   beta = max(1, c_4 H^4 + c_3 H^3 + c_2 H^2 + c_1 H + c_0) where H > 0.5, otherwise 1;  highest power first in `fit`
// Velickovic et al. 2024, softmax is not enough (for sharp out-of-distribution) (arXiv 2410.01104). The default fit is
// the paper's; it falls again above H = 4.41 and gives up sharpening above 5.94, an almost even row of 382 keys, unless
// `top_entropy` bounds H. In training the weights are those of the softmax, unless `train` is set; then the gradient
// passes through beta too. Unchanged by s -> s + c.
struct AdaptiveTemperatureOptions : NormalizerOptions {
  std::vector<double> fit{-0.037, 0.481, -2.3, 4.917, -1.791};
  std::optional<double> top_entropy;
  bool train = false;

  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override;
};

// The degree-4 polynomial, highest power first, of the least squared error over pairs of a row's entropy and the
// inverse temperature that served it best. Throws Error for fewer than 5 pairs of different entropies.
std::array<double, 5> fit_inverse_temperature(std::span<const double> entropies, std::span<const double> betas);

}  // namespace tempera
