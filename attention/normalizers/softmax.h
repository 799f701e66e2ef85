// Softmax over the visible keys.
#pragma once

#include "attention/rowwise_normalizer.h"

namespace tempera {

//   w_j = exp(s_j - max s) / sum exp(s - max s)                        Vaswani et al. 2017
// Unchanged by s -> s + c. The kernel `streaming` runs it without a matrix of scores.
struct Softmax : RowwiseNormalizer<Softmax> {
  Softmax() : RowwiseNormalizer({}) {}
  auto formula(Row) const {
    return RowFormula(
        std::tuple(row_shift([](auto s) { return s; }), row_sum([](auto s, auto m) { return exp(s - m); })),
        [](auto s, auto m, auto sum) { return exp(s - m) / sum; });
  }
};

struct SoftmaxOptions : NormalizerOptions {
  void describe(Fields&) override {}
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace&) const override { return std::make_unique<Softmax>(); }
};

}  // namespace tempera
