#include "attention/normalizers/softplus.h"

#include "attention/normalizers/whole_power.h"
#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

// a of a score.
struct Positive {
  double scale;
  auto operator()(auto s) const { return softplus(scale * s); }
};

// relu(n A - o), A = a / sum a.
struct Excess {
  Positive positive;
  double count, offset;
  auto operator()(auto s, auto sum) const {
    const auto over = count * positive(s) / sum - offset;
    return where(over > 0, over, decltype(over)(0));
  }
};

// (excess / the row's largest)^p, or A where all are zero.
struct Sharpened {
  Excess excess;
  int power;
  auto operator()(auto s, auto sum, auto top) const {
    using X = decltype(s * sum);
    const auto none = top <= 0;
    const X ratio = excess(s, sum) / where(none, decltype(top)(1), top);
    return where(none, X(excess.positive(s) / sum), detail::whole_power(ratio, power));
  }
};

struct LengthScaledSoftplus : RowwiseNormalizer<LengthScaledSoftplus> {
  LengthScaledSoftplus(Index width, bool training, bool evaluation, int power)
      : RowwiseNormalizer({.needs_count = true, .sparse = training || evaluation, .cosine = true}),
        log_width_(std::log(static_cast<double>(width))),
        reweights_{evaluation, training},
        power_(power) {}

  auto formula(Row row) const {
    const Positive positive{log_width_ * row.log_count};
    const bool reweights = reweights_[row.training];
    const Sharpened sharp{{positive, row.count, row.count <= 3 ? 0. : 1.}, power_};
    // The maximum cancels, so its gradient may be left out.
    return RowFormula(std::tuple(row_sum(positive), row_shift([sharp, reweights](auto s, auto sum) {
                                   return reweights ? sharp.excess(s, sum) : decltype(sharp.excess(s, sum))(0);
                                 }),
                                 row_sum([sharp, reweights](auto s, auto sum, auto top) {
                                   return reweights ? sharp(s, sum, top) : decltype(sharp(s, sum, top))(0);
                                 })),
                      [sharp, positive, reweights](auto s, auto sum, auto top, auto total) {
                        using X = decltype(sharp(s, sum, top) / total);
                        return reweights ? X(sharp(s, sum, top) / total) : X(positive(s) / sum);
                      });
  }

 private:
  double log_width_;
  std::array<bool, 2> reweights_;  // in evaluation, in training
  int power_;
};

}  // namespace

void SoftplusOptions::describe(Fields& f) {
  f("reweight", reweight, "when weights above the average of their row are sharpened and the others dropped",
    one_of({"always", "evaluation", "never"}));
  f("power", power, "of the sharpening; 3 is best at the length of training, 15 beyond", between(1, 64));
}

std::unique_ptr<ScoreNormalizer> SoftplusOptions::make(const NormalizerPlace& place) const {
  return std::make_unique<LengthScaledSoftplus>(place.width, reweight == "always", reweight != "never", power);
}

}  // namespace tempera
