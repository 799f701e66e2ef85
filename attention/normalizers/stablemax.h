// StableMax: a softmax whose exponential is replaced by a function that grows linearly.
#pragma once

#include "attention/rowwise_normalizer.h"

namespace tempera {

//   w_j = s(x_j) / sum s(x),    s(x) = x + 1 for x >= 0, 1 / (1 - x) for x < 0
// Prieto et al. 2025, Grokking at the Edge of Numerical Stability. s is continuous with slope 1 at 0 and never
// overflows; it equals softmax(g(x)) with g(x) = sign(x) log(1 + |x|). Not invariant under x -> x + c.
struct StableMax : RowwiseNormalizer<StableMax> {
  StableMax() : RowwiseNormalizer({}) {}
  auto formula(Row) const {
    const auto s = [](auto x) { return where(x < 0, 1 / (1 - min(x, 0)), x + 1); };
    return RowFormula(std::tuple(row_sum(s)), [s](auto x, auto sum) { return s(x) / sum; });
  }
};

struct StableMaxOptions : NormalizerOptions {
  void describe(Fields&) override {}
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace&) const override { return std::make_unique<StableMax>(); }
};

}  // namespace tempera
