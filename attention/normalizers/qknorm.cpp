#include "attention/normalizers/qknorm.h"

#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

struct QKNorm : RowwiseNormalizer<QKNorm, 1> {
  explicit QKNorm(double scale) : RowwiseNormalizer({.cosine = true}) {
    add("scale", Parameter({1}, Init::constant(scale), false), scale);
  }
  auto formula(Row) const {
    return RowFormula(std::tuple(row_shift([](auto s, auto g) { return g * s; }),
                                 row_sum([](auto s, auto g, auto m) { return exp(g * s - m); })),
                      [](auto s, auto g, auto m, auto sum) { return exp(g * s - m) / sum; });
  }
};

}  // namespace

void QKNormOptions::describe(Fields& f) {
  f("length", length, "L, the 97.5th percentile of the lengths of training; the scale starts at log2(L^2 - L)",
    at_least(2));
  f("scale", scale, "start of the scale; null: from `length`");
}

std::unique_ptr<ScoreNormalizer> QKNormOptions::make(const NormalizerPlace&) const {
  const double l = length;
  return std::make_unique<QKNorm>(scale.value_or(std::log2(l * l - l)));
}

}  // namespace tempera
