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

namespace {

// The same for any number of copies, without a matrix: scores depend on sums of rows alone, of which there are two,
// that of the marked token and that of all others; so contexts are two as well.
struct Construction {
  Index copies = 22, width = 50;
  double tau = kC + 0.1;  // over L
  bool ones = true;       // M of ones; else M = I, where a token's score is largest with its like
  bool softmax = true;
  Index tokens() const { return copies * (width - 2); }

  // exp(s), or s, of scores s in units of log n.
  double kernel(double s) const { return softmax ? std::pow(static_cast<double>(tokens()), s) : s; }

  // Of token i: entries over L.
  Eigen::VectorXd token(double a, bool marked, Index i) const {
    Eigen::VectorXd x = Eigen::VectorXd::Zero(width);
    if (marked) x[0] = a;
    x[1 + i % (width - 2)] = kB;
    x[width - 1] = kC;
    return x;
  }
  // Of the query `i` over all tokens, of which token 0 is marked.
  Eigen::VectorXd context(double a, Index i) const {
    const Eigen::VectorXd query = token(a, i == 0, i);
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(width);
    double total = 0;
    const auto add = [&](Index j, bool marked, double count) {
      const Eigen::VectorXd key = token(a, marked, j);
      const double w = count * kernel(ones ? query.sum() * key.sum() : query.dot(key));
      total += w;
      sum += w * key;
    };
    add(0, true, 1);
    for (Index j = 0; j < width - 2; ++j) add(j, false, static_cast<double>(copies - (j == 0)));
    return sum / total;
  }
  bool detected(double a, std::uint64_t draw) const {
    const Rng rng(draw, "separation");
    const auto neurons = static_cast<Index>(std::ceil(4 * std::log(static_cast<double>(tokens()))));
    for (const Index query : {Index{0}, Index{1}}) {
      const Eigen::VectorXd c = context(a, query);
      for (Index neuron = 0; neuron < neurons; ++neuron) {
        double product = 0;
        for (Index k = 0; k < width; ++k)
          product += rng.uniform(static_cast<std::uint64_t>(1 + neuron * width + k)) < 0.5 ? -c[k] : c[k];
        if (product > tau) return true;
      }
    }
    return false;
  }
  double rate(double a) const {
    constexpr int kDraws = 200;
    int found = 0;
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) found += detected(a, draw);
    return found / static_cast<double>(kDraws);
  }
  // Of two classes as frequent.
  double accuracy() const { return (1 - rate(0.05) + rate(0.7)) / 2; }
};

}  // namespace

TEST_CASE("the construction of the theorem separates 1056 tokens by the softmax alone", "[attention][sheets]") {
  Construction softmax, linear;
  linear.softmax = false;
  CHECK(softmax.tokens() == 1056);
  CHECK(softmax.accuracy() >= 0.97);
  CHECK(linear.accuracy() <= 0.53);
  // The mark is found from about a (1 + a) = 1 on.
  CHECK(softmax.rate(0.4) <= 0.1);
  CHECK(softmax.rate(0.6) >= 0.9);
  for (const double a : {0.3, 0.5, 0.7, 1.}) CHECK(linear.rate(a) <= 0.03);
  // By M = I hardly anything is found: what a token has of its own hides the mark.
  Construction own = softmax;
  own.ones = false;
  CHECK(own.rate(0.7) <= 0.1);
  // A higher threshold finds less, one beyond the entries of any token nothing.
  double before = 1;
  for (const double tau : {0.5, 0.9, 1.3, 1.7}) {
    Construction other = softmax;
    other.tau = tau;
    const double rate = other.rate(0.7);
    CHECK(rate <= before);
    before = rate;
  }
  CHECK(before == 0);
  // Without a mark every context is the mean of all tokens.
  for (const Construction& any : {softmax, linear}) {
    const Eigen::VectorXd c = any.context(0, 1);
    CHECK(c[0] == 0);
    CHECK(c[1] == Approx(kB / 48).epsilon(1e-12));
    CHECK(c[49] == Approx(kC).epsilon(1e-12));
  }
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
