#include "attention/normalizers/credal.h"

#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

// The row's shift, and its sum of (exp(s) + 1) exp(-shift).
const auto kShift = row_shift([](auto s) { return max(s, 0); });
const auto kTotal = row_sum([](auto s, auto c) { return exp(s - c) + exp(-c); });

struct Credal : RowwiseNormalizer<Credal> {
  Credal() : RowwiseNormalizer({}) {}
  auto formula(Row) const {
    return RowFormula(std::tuple(kShift, kTotal),
                      [](auto s, auto c, auto total) { return (exp(s - c) + exp(-c)) / total; });
  }
};

struct Vacuity : RowwiseNormalizer<Vacuity> {
  Vacuity() : RowwiseNormalizer({.rows_sum_to_one = false}) {}
  auto formula(Row) const {
    return RowFormula(std::tuple(kShift, kTotal), [](auto, auto c, auto total) { return exp(-c) / total; });
  }
};

}  // namespace

std::unique_ptr<ScoreNormalizer> CredalOptions::make(const NormalizerPlace&) const {
  return std::make_unique<Credal>();
}

std::unique_ptr<ScoreNormalizer> make_vacuity() {
  return std::make_unique<Vacuity>();
}

}  // namespace tempera
