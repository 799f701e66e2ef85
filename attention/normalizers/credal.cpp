#include "attention/normalizers/credal.h"

#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

// The row's shift, and its sum of (exp(s) + 1) exp(-shift).
const auto kShift = row_shift([](auto s) { return max(s, 0); });
const auto kTotal = row_sum([](auto s, auto c) { return exp(s - c) + exp(-c); });

struct Vacuity : RowwiseNormalizer<Vacuity> {
  Vacuity() : RowwiseNormalizer({.rows_sum_to_one = false}) {}
  auto formula(Row) const {
    return RowFormula(std::tuple(kShift, kTotal), [](auto, auto c, auto total) { return exp(-c) / total; });
  }
};

class Credal : public RowwiseNormalizer<Credal> {
 public:
  explicit Credal(double vacuity_loss) : RowwiseNormalizer({}), loss_{"vacuity", vacuity_loss, &vacuity_} {}
  auto formula(Row) const {
    return RowFormula(std::tuple(kShift, kTotal),
                      [](auto s, auto c, auto total) { return (exp(s - c) + exp(-c)) / total; });
  }
  const RowLoss* row_loss() const override { return loss_.weight > 0 ? &loss_ : nullptr; }

 private:
  Vacuity vacuity_;
  RowLoss loss_;
};

}  // namespace

void CredalOptions::describe(Fields& f) {
  f("vacuity_loss", vacuity_loss, "weight of the rows' mean vacuity in the loss", at_least(0));
}

std::unique_ptr<ScoreNormalizer> CredalOptions::make(const NormalizerPlace&) const {
  return std::make_unique<Credal>(vacuity_loss);
}

std::unique_ptr<ScoreNormalizer> make_vacuity() {
  return std::make_unique<Vacuity>();
}

}  // namespace tempera
