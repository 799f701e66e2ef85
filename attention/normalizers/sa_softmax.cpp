#include "attention/normalizers/sa_softmax.h"

#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

enum class Form { score, shifted, range, clamped };
constexpr std::array<std::string_view, 4> kForms{"score", "shifted", "range", "clamped"};

struct SASoftmax : RowwiseNormalizer<SASoftmax> {
  SASoftmax(Form form, double delta)
      : RowwiseNormalizer({.rows_sum_to_one = false, .sparse = form != Form::score, .negative = form == Form::score}),
        form_(form),
        delta_(delta) {}

  auto formula(Row) const {
    const auto reductions =
        std::tuple(row_max([](auto s) { return s; }), row_sum([](auto s, auto high) { return exp(s - detach(high)); }),
                   row_max([](auto s, auto, auto) { return -s; }));
    const auto map = [form = form_, delta = delta_](auto s, auto high, auto sum, auto low_below) {
      const auto p = exp(s - detach(high)) / sum;
      const auto low = -low_below;
      switch (form) {
        case Form::score: return s * p;
        case Form::shifted: return (s - low) * p;
        case Form::range: return (s - low) / (high - low + delta) * p;
        default: break;
      }
      const auto bottom = min(low, 0);
      return (s - bottom) / (max(high, 0) - bottom + delta) * p;
    };
    return RowFormula(reductions, map);
  }

 private:
  Form form_;
  double delta_;
};

}  // namespace

void SASoftmaxOptions::describe(Fields& f) {
  f("form", form, "score times probability; the score moved to its minimum; over its range; over its range with zero",
    one_of({kForms.begin(), kForms.end()}));
  f("delta", delta, "added to the range, so that a row of equal scores divides by something", at_least(0));
}

std::unique_ptr<ScoreNormalizer> SASoftmaxOptions::make(const NormalizerPlace&) const {
  const auto at = std::find(kForms.begin(), kForms.end(), form) - kForms.begin();
  return std::make_unique<SASoftmax>(static_cast<Form>(at), delta);
}

}  // namespace tempera
