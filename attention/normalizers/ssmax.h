// Scalable softmax: the logits grow with the logarithm of the count of keys, so that attention does not fade.
#pragma once

#include "attention/rowwise_normalizer.h"

namespace tempera {

//   w = softmax((s_h log n + b_h) z)             n the count of visible keys of the row, s and b per head
// Nakanishi 2025, Scalable-Softmax Is Superior for Attention (arXiv 2501.19399). With s = 1 / log n it is the softmax,
// with s = 0 the mean. Neither s nor b decays. n = 1 gives the weight 1 and no gradient to s.
struct SSMax : RowwiseNormalizer<SSMax, 2> {
  // `scale` is the start of s_h; fixed where it is not learned. `bias`: b_h is learned, from 0.
  SSMax(Index heads, double scale, bool learned, bool bias) : RowwiseNormalizer({.needs_count = true}) {
    add("scale", learned ? Parameter({heads}, Init::constant(scale), false) : Parameter(), scale);
    add("bias", bias ? Parameter({heads}, Init::zeros(), false) : Parameter());
  }
  auto formula(Row row) const {
    const auto z = [n = row.log_count](auto x, auto s, auto b) { return (s * n + b) * x; };
    return RowFormula(
        std::tuple(row_shift(z), row_sum([z](auto x, auto s, auto b, auto m) { return exp(z(x, s, b) - m); })),
        [z](auto x, auto s, auto b, auto m, auto sum) { return exp(z(x, s, b) - m) / sum; });
  }
};

struct SSMaxOptions : NormalizerOptions {
  double scale = 0.43;
  bool learned = true;
  bool bias = false;

  void describe(Fields& f) override {
    f("scale", scale, "start of the scale s of each head; 1 / mean log n makes the start alike the softmax");
    f("learned", learned, "whether s is learned, or stays at `scale`");
    f("bias", bias, "adds a learned b to s log n");
  }
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override {
    return std::make_unique<SSMax>(place.heads, scale, learned, bias);
  }
};

}  // namespace tempera
