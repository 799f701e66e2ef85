#include "attention/normalizers/reluformer.h"

#include "attention/rowwise_normalizer.h"
#include "core/activation.h"

namespace tempera {
namespace {

constexpr double kEps = 1e-8;
constexpr double kMargin = 0.7;  // of the entropy, in log n

struct Reluformer : RowwiseNormalizer<Reluformer, 1> {
  Reluformer(Index heads, double gamma, bool learned)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = true, .sparse = true}) {
    const double start = std::log(gamma);
    add("log_gamma", learned ? Parameter({heads}, Init::constant(start), false) : Parameter(), start);
  }
  auto formula(Row row) const {
    return RowFormula(std::tuple(), [factor = 1 / std::sqrt(row.count / 2)](auto s, auto l) {
      return formulas::Relu()(s) * exp(-l) * factor;
    });
  }
};

struct ReluformerLoss : RowwiseNormalizer<ReluformerLoss> {
  ReluformerLoss(double gamma, double norm, double entropy)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = true, .sparse = true}),
        gamma_(gamma),
        norm_(norm),
        entropy_(entropy) {}
  auto formula(Row row) const {
    const auto h = [factor = 1 / (gamma_ * std::sqrt(row.count / 2))](auto s) { return formulas::Relu()(s) * factor; };
    const auto surprise = [h](auto s, auto sum) {
      const auto p = h(s) / (sum + kEps);
      return where(p > 0, -(p * log(where(p > 0, p, decltype(p)(1)))), decltype(p)(0));
    };
    const double share = 1 / row.count, bound = kMargin * row.log_count;
    return RowFormula(std::tuple(row_sum(h), row_sum(surprise)),
                      [share, bound, norm = norm_, entropy = entropy_](auto, auto sum, auto spread) {
                        using X = decltype(sum);
                        const X over = spread - bound;
                        const X loss = norm * abs(log(sum + kEps)) + entropy * where(over > 0, over, X(0));
                        return where(sum > 0, loss * share, X(0));
                      });
  }

 private:
  double gamma_, norm_, entropy_;
};

}  // namespace

void ReluformerOptions::describe(Fields& f) {
  f("gamma", gamma, "divides the weights; its start where it is learned", above(0));
  f("learned", learned, "whether each head learns its own");
}

std::unique_ptr<ScoreNormalizer> ReluformerOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<Reluformer>(place.heads, gamma, learned);
}

std::unique_ptr<ScoreNormalizer> make_reluformer_loss(double gamma, double norm, double entropy) {
  return std::make_unique<ReluformerLoss>(gamma, norm, entropy);
}

}  // namespace tempera
