#include "attention/normalizers/power.h"

#include "attention/normalizers/whole_power.h"
#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

using detail::whole_power;

struct Reciprocal {
  int steps;
  double factor;
  auto operator()(auto a) const {
    using X = decltype(a);
    if (steps == 0) return X(1 / a);
    X y(1), e = 1 - factor * a;
    for (int k = 0; k < steps; ++k, e = e * e) y = y * (1 + e);
    return X(factor * y);
  }
};

struct PlainPower : RowwiseNormalizer<PlainPower> {
  PlainPower(const PowerOptions& options, bool mean)
      : RowwiseNormalizer({.rows_sum_to_one = false, .needs_count = mean}),
        options_(options.power, options.eps),
        mean_(mean),
        reciprocal_{options.reciprocal_steps, 2 / (options.bound + options.eps)} {}
  auto formula(Row row) const {
    const auto raise = [p = options_.first](auto s) { return whole_power(s, p); };
    const double n = mean_ ? row.count : 1;
    return RowFormula(std::tuple(row_sum(raise)),
                      [raise, n, eps = options_.second, reciprocal = reciprocal_](auto s, auto sum) {
                        return raise(s) / n * reciprocal(sum / n + eps);
                      });
  }

 private:
  std::pair<int, double> options_;  // power, eps
  bool mean_;
  Reciprocal reciprocal_;
};

struct StablePower : RowwiseNormalizer<StablePower> {
  explicit StablePower(const PowerOptions& options)
      : RowwiseNormalizer({.rows_sum_to_one = false}),
        power_(options.power),
        eps_(options.eps),
        delta_(options.delta) {}
  auto formula(Row) const {
    const auto raise = [p = power_, delta = delta_](auto s, auto top) { return whole_power(s / (top + delta), p); };
    return RowFormula(std::tuple(row_max([](auto s) { return abs(s); }), row_sum(raise)),
                      [raise, eps = eps_](auto s, auto top, auto sum) { return raise(s, top) / (sum + eps); });
  }

 private:
  int power_;
  double eps_, delta_;
};

}  // namespace

void PowerOptions::describe(Fields& f) {
  f("power", power, "even; 4 to 8 work", between(2, 32));
  f("form", form, "of the division", one_of({"stable", "plain", "mean"}));
  f("eps", eps, "added to the divisor, which is a mean in the form `mean`", at_least(0));
  f("delta", delta, "added to the largest size, in the form `stable`", above(0));
  f("reciprocal_steps", reciprocal_steps, "of the polynomial reciprocal, in the form `mean`; 0: an exact division",
    between(0, 64));
  f("bound", bound, "on the divisor, for the polynomial reciprocal", above(0));
}

std::vector<Problem> PowerOptions::problems() const {
  std::vector<Problem> found;
  if (power % 2 != 0) found.push_back({"power", fmt::format("{} came; an even number was wanted", power)});
  if (reciprocal_steps > 0 && form != "mean")
    found.push_back({"reciprocal_steps", "only the form `mean` has a polynomial reciprocal; set form: mean, or 0"});
  return found;
}

std::unique_ptr<ScoreNormalizer> PowerOptions::make(const NormalizerPlace&) const {
  require(power % 2 == 0, "power", "the power {} came; an even one was wanted", power);
  if (form == "stable") return std::make_unique<StablePower>(*this);
  return std::make_unique<PlainPower>(*this, form == "mean");
}

}  // namespace tempera
