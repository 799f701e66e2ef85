// ALiBi: scores fall with distance, at a fixed slope per head.
#pragma once

#include "attention/score_bias.h"

namespace tempera {

//   bias(h, i, j) = -slope_h |i - j|,    slope_h = 2^(-8 h / H), h = 1 .. H, for H a power of two
// Press et al. 2022 (arXiv 2108.12409). For another H the slopes of the lower power of two, then every second slope of
// twice that. Nothing is learned. The true distance is used, so normalizers that are not shift invariant agree.
//
// balanced: the first half of the heads look near by, slope_k = 2^-k for k = 1 .. ceil(H / 2), the others far,
// slope_k = -2^-k for k = 1 .. floor(H / 2). growing: all look far, with the negatives of the slopes above. (SWAT,
// 2025, arXiv 2502.18845, beside a sigmoid in a window: without one, far keys take all.)
enum class AlibiSlopes { falling, balanced, growing };

class Alibi : public ScoreBias {
 public:
  explicit Alibi(Index heads, AlibiSlopes kind = AlibiSlopes::falling);
  void add(const BiasBlock<float>& block, float* scores) const override;
  void add(const BiasBlock<double>& block, double* scores) const override;
  void backward(const BiasBlock<float>&, const float*, const HeadValues<float>&) const override {}
  void backward(const BiasBlock<double>&, const double*, const HeadValues<double>&) const override {}

  const std::vector<double>& slopes() const { return slopes_; }

 private:
  std::vector<double> slopes_;
};

}  // namespace tempera
