// Sigmoid attention: every weight for itself, without competition among the keys.
#pragma once

#include <optional>

#include "attention/rowwise_normalizer.h"

namespace tempera {

//   w_j = sigmoid(s_j + b + c_h)         b a constant, or -log n with n the count of visible keys of the row
// Ramapuram et al. 2024, Theory, Analysis, and Best Practices for Sigmoid Self-Attention (arXiv 2409.04431). With
// b = -log n a row starts with a sum of about 1. c_h is learned per head where asked for, from 0, without decay. Not
// invariant under s -> s + c. With a constant b a weight does not depend on the other keys.
struct Sigmoid : RowwiseNormalizer<Sigmoid, 1> {
  Sigmoid(Index heads, std::optional<double> constant, bool learned)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = !constant}), constant_(constant) {
    add("bias", learned ? Parameter({heads}, Init::zeros(), false) : Parameter());
  }
  auto formula(Row row) const {
    return RowFormula(std::tuple(),
                      [b = constant_.value_or(-row.log_count)](auto s, auto c) { return sigmoid(s + b + c); });
  }

 private:
  std::optional<double> constant_;
};

struct SigmoidOptions : NormalizerOptions {
  std::optional<double> bias;
  bool learned = false;

  void describe(Fields& f) override {
    f("bias", bias, "the constant b, usually -log of the training length; null: -log of each row's count of keys");
    f("learned", learned, "adds a learned bias per head");
  }
  std::unique_ptr<ScoreNormalizer> make(const NormalizerPlace& place) const override {
    return std::make_unique<Sigmoid>(place.heads, bias, learned);
  }
};

}  // namespace tempera
