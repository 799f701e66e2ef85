// Two sets of sequences that a small network with softmax attention tells apart, and with linear attention cannot.
//
//   Deng, Song & Zhou 2023, Superiority of Softmax (arXiv 2310.11685), the self-attention construction: tokens A [n,
//   d], n = t (d - 2), times L = sqrt(log n): a L in the first column of one row, t copies of b L I in the middle, c L
//   in the last column. Scores A 1 1^T A^T. A sequence is of the second class if some <context, w> exceeds (c + 0.1) L
//   for one of m random sign vectors w.
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kCopies = 5, kWidth = 50, kTokens = kCopies * (kWidth - 2);
constexpr double kB = 0.2, kC = 0.8;
const double kL = std::sqrt(std::log(static_cast<double>(kTokens)));

// w_j = s_j / sum s, of positive scores.
struct LinearScores : RowwiseNormalizer<LinearScores> {
  LinearScores() : RowwiseNormalizer({}) {}
  auto formula(Row) const {
    return RowFormula(std::tuple(row_sum([](auto s) { return s; })), [](auto s, auto sum) { return s / sum; });
  }
};

Tensor sequence(double a, Index marked) {
  Tensor x = Tensor::zeros({1, 1, kTokens, kWidth}, DType::float64);
  for (Index i = 0; i < kTokens; ++i) {
    if (i == marked) x.set(i * kWidth, a * kL);
    x.set(i * kWidth + 1 + i % (kWidth - 2), kB * kL);
    x.set(i * kWidth + kWidth - 1, kC * kL);
  }
  return x;
}

bool detected(const ScoreNormalizer& normalizer, double a, std::uint64_t draw) {
  const Rng rng(draw, "separation");
  const Tensor x = sequence(a, static_cast<Index>(rng.below(0, kTokens)));
  Tensor sums = Tensor::empty({1, 1, kTokens, 1}, DType::float64);
  for (Index i = 0; i < kTokens; ++i) sums.set(i, x.mat<double>().row(i).sum());
  Tape tape;
  ScoreAttention how;
  how.normalizer = &normalizer;
  const Var s = tape.constant(sums);
  const Tensor context = score_attention(s, s, tape.constant(x), how).value();
  const auto neurons = static_cast<Index>(std::ceil(4 * std::log(static_cast<double>(kTokens))));
  for (Index neuron = 0; neuron < neurons; ++neuron) {
    Eigen::VectorXd w(kWidth);
    for (Index c = 0; c < kWidth; ++c)
      w[c] = rng.uniform(static_cast<std::uint64_t>(1 + neuron * kWidth + c)) < 0.5 ? -1 : 1;
    if ((context.mat<double>() * w).maxCoeff() > (kC + 0.1) * kL) return true;
  }
  return false;
}

double rate(const ScoreNormalizer& normalizer, double a) {
  constexpr int kDraws = 40;
  int found = 0;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) found += detected(normalizer, a, draw);
  return found / static_cast<double>(kDraws);
}

}  // namespace

TEST_CASE("softmax attention separates what linear attention cannot", "[attention][sheets]") {
  const Softmax softmax;
  const LinearScores linear;
  CHECK(rate(softmax, 0.05) <= 0.05);
  CHECK(rate(softmax, 0.3) <= 0.1);
  CHECK(rate(softmax, 0.7) >= 0.95);
  for (const double a : {0.05, 0.7}) CHECK(rate(linear, a) <= 0.05);
}

TEST_CASE("the weight of the marked token for itself", "[attention][sheets]") {
  constexpr Index n = 1056;
  constexpr double kA = 0.7;
  const double log_n = std::log(static_cast<double>(n));
  std::vector<double> scores(n, (1 + kA) * log_n);
  scores[0] = (1 + kA) * (1 + kA) * log_n;
  CHECK(weights_of(Softmax(), scores).at(0) == Approx(0.789809).epsilon(1e-6));
  CHECK(weights_of(LinearScores(), scores).at(0) == Approx(1.60878e-3).epsilon(1e-5));
}
