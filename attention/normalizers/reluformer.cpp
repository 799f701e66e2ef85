#include "attention/normalizers/reluformer.h"

#include "attention/rowwise_normalizer.h"
#include "core/activation.h"

namespace tempera {
namespace {

constexpr double kEps = 1e-8;
constexpr double kMargin = 0.7;  // of the entropy, in log n

// relu(s) / (gamma sqrt(n / 2)) of a score and the logarithm of gamma.
auto weight_of(const Row& row) {
  return [factor = 1 / std::sqrt(row.count / 2)](auto s, auto l) { return formulas::Relu()(s) * exp(-l) * factor; };
}

struct ReluformerLoss : RowwiseNormalizer<ReluformerLoss, 1> {
  ReluformerLoss(double gamma, double norm, double entropy)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = true, .sparse = true}),
        norm_(norm),
        entropy_(entropy) {
    add("log_gamma", Parameter(), std::log(gamma));
  }
  auto formula(Row row) const {
    const auto h = weight_of(row);
    const auto surprise = [h](auto s, auto l, auto sum) {
      const auto p = h(s, l) / (sum + kEps);
      return where(p > 0, -(p * log(where(p > 0, p, decltype(p)(1)))), decltype(p)(0));
    };
    const double share = 1 / row.count, bound = kMargin * row.log_count;
    return RowFormula(std::tuple(row_sum(h), row_sum(surprise)),
                      [share, bound, norm = norm_, entropy = entropy_](auto, auto, auto sum, auto spread) {
                        using X = decltype(sum);
                        const X over = spread - bound;
                        const X loss = norm * abs(log(sum + kEps)) + entropy * where(over > 0, over, X(0));
                        return where(sum > 0, loss * share, X(0));
                      });
  }

 private:
  double norm_, entropy_;
};

class Reluformer : public RowwiseNormalizer<Reluformer, 1> {
 public:
  Reluformer(Index heads, const ReluformerOptions& o)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = true, .sparse = true}),
        rows_(o.gamma, o.norm_loss, o.entropy_loss),
        loss_{"row_loss", 1, o.norm_loss > 0 || o.entropy_loss > 0 ? &rows_ : nullptr} {
    const double start = std::log(o.gamma);
    add("log_gamma", o.learned ? Parameter({heads}, Init::constant(start), false) : Parameter(), start);
  }
  auto formula(Row row) const { return RowFormula(std::tuple(), weight_of(row)); }
  const RowLoss* row_loss() const override { return loss_.rows ? &loss_ : nullptr; }

 private:
  ReluformerLoss rows_;
  RowLoss loss_;
};

}  // namespace

void ReluformerOptions::describe(Fields& f) {
  f("gamma", gamma, "divides the weights; its start where it is learned", above(0));
  f("learned", learned, "whether each head learns its own");
  f("norm_loss", norm_loss, "weight of |log(sum of a row's weights)| in the loss", at_least(0));
  f("entropy_loss", entropy_loss, "weight of a row's entropy above 0.7 log n in the loss", at_least(0));
}

std::unique_ptr<ScoreNormalizer> ReluformerOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<Reluformer>(place.heads, *this);
}

std::unique_ptr<ScoreNormalizer> make_reluformer_loss(double gamma, double norm, double entropy) {
  return std::make_unique<ReluformerLoss>(gamma, norm, entropy);
}

}  // namespace tempera
