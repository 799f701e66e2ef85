#include "attention/normalizers/adaptive_temperature.h"

#include <Eigen/QR>

#include "attention/normalizers/softmax.h"
#include "attention/rowwise_normalizer.h"

namespace tempera {
namespace {

constexpr double kSharpEnough = 0.5;

struct InverseTemperature {
  std::array<double, 5> fit;
  double top;  // entropies count up to here

  auto operator()(auto entropy) const {
    using X = decltype(entropy);
    const X h = min(entropy, X(top));
    X beta(fit[0]);
    for (std::size_t i = 1; i < fit.size(); ++i) beta = beta * h + fit[i];
    return where(entropy > kSharpEnough && beta > 1, beta, X(1));
  }
};

struct Sharpened : RowwiseNormalizer<Sharpened> {
  Sharpened(const std::array<double, 5>& fit, double top) : RowwiseNormalizer({}), beta_{fit, top} {}

  auto formula(Row) const {
    const auto surprise = [](auto s, auto high, auto sum) {
      const auto p = exp(s - high) / sum;
      return -(p * log(p + 1e-9));
    };
    const auto sharp = [beta = beta_](auto s, auto high, auto, auto entropy) {
      return exp(beta(entropy) * (s - high));
    };
    return RowFormula(
        std::tuple(row_shift([](auto s) { return s; }), row_sum([](auto s, auto high) { return exp(s - high); }),
                   row_sum(surprise), row_sum(sharp)),
        [sharp](auto s, auto high, auto sum, auto entropy, auto total) {
          return sharp(s, high, sum, entropy) / total;
        });
  }

 private:
  InverseTemperature beta_;
};

// The plain softmax in training, unless that is to see the temperature too.
class AdaptiveTemperature : public ScoreNormalizer {
 public:
  AdaptiveTemperature(const std::array<double, 5>& fit, double top, bool train) : sharpened_(fit, top), train_(train) {}

  NormalizerTraits traits() const override { return sharpened_.traits(); }
  void forward(const ScoreRows<float>& rows) const override { form(rows.training).forward(rows); }
  void forward(const ScoreRows<double>& rows) const override { form(rows.training).forward(rows); }
  void backward(const ScoreRows<float>& rows, const ScoreGradients<float>& g) const override {
    form(rows.training).backward(rows, g);
  }
  void backward(const ScoreRows<double>& rows, const ScoreGradients<double>& g) const override {
    form(rows.training).backward(rows, g);
  }

 private:
  const ScoreNormalizer& form(bool training) const {
    if (training && !train_) return softmax_;
    return sharpened_;
  }

  Softmax softmax_;
  Sharpened sharpened_;
  bool train_;
};

}  // namespace

void AdaptiveTemperatureOptions::describe(Fields& f) {
  f("fit", fit, "coefficients of the inverse temperature as a polynomial of the entropy, highest power first");
  f("top_entropy", top_entropy, "bound on the entropy that the polynomial sees, about 4.4 for long rows; null: none",
    above(0));
  f("train", train, "whether training sees the temperature too");
}

std::vector<Problem> AdaptiveTemperatureOptions::problems() const {
  if (fit.size() != 5) return {{"fit", fmt::format("{} coefficients came; 5 were wanted", fit.size())}};
  return {};
}

std::unique_ptr<ScoreNormalizer> AdaptiveTemperatureOptions::make(const NormalizerPlace&) const {
  require(fit.size() == 5, "adaptive_temperature", "{} coefficients came; 5 were wanted", fit.size());
  std::array<double, 5> coefficients{};
  std::copy(fit.begin(), fit.end(), coefficients.begin());
  const double top = top_entropy.value_or(std::numeric_limits<double>::infinity());
  return std::make_unique<AdaptiveTemperature>(coefficients, top, train);
}

std::array<double, 5> fit_inverse_temperature(std::span<const double> entropies, std::span<const double> betas) {
  require(entropies.size() == betas.size(), "adaptive_temperature", "{} entropies and {} inverse temperatures came",
          entropies.size(), betas.size());
  const auto rows = static_cast<Eigen::Index>(entropies.size());
  Eigen::MatrixXd powers(rows, 5);
  Eigen::VectorXd wanted(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    wanted[i] = betas[at];
    for (int c = 0; c < 5; ++c) powers(i, c) = std::pow(entropies[at], 4 - c);
  }
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> solver(powers);
  require(rows >= 5 && solver.rank() == 5, "adaptive_temperature",
          "{} pairs came, of too few different entropies; at least 5 were wanted", rows);
  const Eigen::VectorXd found = solver.solve(wanted);
  std::array<double, 5> result{};
  std::copy_n(found.data(), 5, result.begin());
  return result;
}

}  // namespace tempera
