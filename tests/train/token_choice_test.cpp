#include "train/token_choice.h"

#include <numeric>
#include <set>

#include "tests/support/twins.h"

using namespace tempera;

namespace {

// Natural logarithms of 1/2, 1/4, 1/8, 1/16, 1/16, in mixed order: tokens 3, 0, 4, 1, 2.
const Tensor kHalves =
    f64({1, 5}, {std::log(0.25), std::log(0.0625), std::log(0.0625), std::log(0.5), std::log(0.125)});

std::set<std::int32_t> kept(const TokenChoiceOptions& options, const Tensor& logits = kHalves) {
  TokenChoice choice(options, logits.shape().back());
  std::set<std::int32_t> tokens;
  for (const TokenChoice::Candidate& candidate : choice.kept(logits, 0)) tokens.insert(candidate.token);
  return tokens;
}

// Pearson's statistic of n draws against probabilities p.
double chi_square(TokenChoice& choice, const Tensor& logits, const std::vector<double>& p, int n) {
  std::vector<double> counts(p.size(), 0);
  const Rng rng(11, "draws");
  for (int i = 0; i < n; ++i)
    ++counts[static_cast<std::size_t>(choice.draw(logits, 0, rng.uniform(static_cast<std::uint64_t>(i))))];
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) CHECK(counts[i] == 0);
    else sum += (counts[i] - n * p[i]) * (counts[i] - n * p[i]) / (n * p[i]);
  }
  return sum;
}

}  // namespace

TEST_CASE("top k and top p keep exactly what they say", "[generate]") {
  using Set = std::set<std::int32_t>;
  CHECK(kept({1, 0, 1}) == Set{0, 1, 2, 3, 4});
  CHECK(kept({1, 1, 1}) == Set{3});
  CHECK(kept({1, 3, 1}) == Set{3, 0, 4});
  CHECK(kept({1, 4, 1}) == Set{3, 0, 4, 1});  // of the equals 1 and 2 the first
  CHECK(kept({1, 5, 1}).size() == 5);
  CHECK(kept({1, 9, 1}).size() == 5);
  // The likeliest hold 1/2, 3/4, 7/8, 15/16, 1.
  CHECK(kept({1, 0, 1e-9}) == Set{3});
  CHECK(kept({1, 0, 0.49}) == Set{3});
  CHECK(kept({1, 0, 0.51}) == Set{3, 0});
  CHECK(kept({1, 0, 0.76}) == Set{3, 0, 4});
  CHECK(kept({1, 0, 0.9}) == Set{3, 0, 4, 1});
  CHECK(kept({1, 0, 0.95}) == Set{3, 0, 4, 1, 2});
  // Of the three largest, which hold 7/8, the likeliest two have 6/7.
  CHECK(kept({1, 3, 0.84}) == Set{3, 0});
  CHECK(kept({1, 3, 0.86}) == Set{3, 0, 4});
  // Temperature comes first: at T = 1/2 the shares are squared, 1/4 : 1/16 : 1/64 : 1/256 : 1/256, so the first has 64
  // / 86 = 0.744.
  CHECK(kept({0.5, 0, 0.74}) == Set{3});
  CHECK(kept({0.5, 0, 0.75}) == Set{3, 0});
  CHECK(kept({0, 0, 1}) == Set{3});
  const Tensor equal = f64({1, 3}, {2, 2, 2});
  CHECK(kept({0, 0, 1}, equal) == Set{0});
  CHECK(kept({1, 2, 1}, equal) == Set{0, 1});
  CHECK(kept({1, 0, 0.5}, equal) == Set{0, 1});
}

TEST_CASE("the largest logits are those of sorting, however many", "[generate]") {
  for (const DType dtype : {DType::float32, DType::float64}) {
    // Few values, so that equals are many.
    Tensor logits = Tensor::empty({2, 1000}, dtype);
    const Rng rng(3, "logits");
    for (Index i = 0; i < logits.size(); ++i)
      logits.set(i, static_cast<double>(rng.below(static_cast<std::uint64_t>(i), 300)) / 64);
    std::vector<std::int32_t> order(1000);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return logits.at(1000 + a) > logits.at(1000 + b); });
    for (const Index k : {1, 2, 5, 62, 63, 257, 999}) {
      TokenChoice choice({0.7, k, 1}, 1000);
      const auto candidates = choice.kept(logits, 1);
      REQUIRE(std::ssize(candidates) == k);
      Index wrong = 0;
      for (std::size_t i = 0; i < candidates.size(); ++i)
        wrong += candidates[i].token != order[i] || candidates[i].logit != logits.at(1000 + order[i]);
      CHECK(wrong == 0);
      // The weights are in float64, whatever the logits.
      CHECK(candidates.back().weight ==
            Approx(std::exp((candidates.back().logit - candidates.front().logit) / 0.7)).epsilon(1e-14));
    }
    TokenChoice greedy({0, 0, 1}, 1000);
    CHECK(greedy.draw(logits, 1, 0.9) == order[0]);
  }
}

TEST_CASE("draws come as often as the probabilities say", "[generate]") {
  // 0.999 quantiles of chi-square with 4 and 2 degrees of freedom.
  TokenChoice plain({1, 0, 1}, 5), cold({0.5, 0, 1}, 5), three({1, 3, 1}, 5), share({1, 0, 0.8}, 5);
  CHECK(chi_square(plain, kHalves, {0.25, 0.0625, 0.0625, 0.5, 0.125}, 20000) < 18.47);
  CHECK(chi_square(cold, kHalves, {16. / 86, 1. / 86, 1. / 86, 64. / 86, 4. / 86}, 20000) < 18.47);
  CHECK(chi_square(three, kHalves, {2. / 7, 0, 0, 4. / 7, 1. / 7}, 20000) < 13.82);
  CHECK(chi_square(share, kHalves, {2. / 7, 0, 0, 4. / 7, 1. / 7}, 20000) < 13.82);
  // The test sees a wrong temperature.
  CHECK(chi_square(plain, kHalves, {16. / 86, 1. / 86, 1. / 86, 64. / 86, 4. / 86}, 20000) > 1000);
}

TEST_CASE("draws stay inside what is kept", "[generate]") {
  TokenChoice choice({1, 0, 1}, 4);
  const Tensor masked = f64({2, 4}, {0, 0, 0, 0, -kInf, 1000, -kInf, 1000});
  for (const double u : {0.0, 0.25, 0.49999}) CHECK(choice.draw(masked, 1, u) == 1);
  for (const double u : {0.5, std::nextafter(1.0, 0.0)}) CHECK(choice.draw(masked, 1, u) == 3);
  CHECK(choice.draw(masked, 0, 0.3) == 1);
  const Tensor narrow = Tensor::from<float>({1, 4}, {-1e30f, 0, 0, -1e30f});
  CHECK(choice.draw(narrow, 0, std::nextafter(1.0, 0.0)) == 2);
}

TEST_CASE("logits of no use and options that make no sense are refused", "[generate][errors]") {
  TokenChoice choice({1, 0, 1}, 2);
  CHECK_THROWS_AS(choice.draw(f64({1, 2}, {0, kNaN}), 0, 0), NonFiniteError);
  CHECK_THROWS_AS(choice.draw(f64({1, 2}, {kInf, 0}), 0, 0), NonFiniteError);
  for (const TokenChoiceOptions& few : {TokenChoiceOptions{1, 2, 1}, TokenChoiceOptions{0, 0, 1}}) {
    for (const Index n : {3, 40}) {  // by sorting, and by a list
      TokenChoice many(few, n);
      Tensor logits = Tensor::full({1, n}, DType::float64, -kInf);
      CHECK_THROWS_AS(many.draw(logits, 0, 0), NonFiniteError);
      logits.set(0, 5);
      CHECK(many.draw(logits, 0, 0) == 0);
      logits.set(1, kNaN);
      CHECK(error_of([&] { many.draw(logits, 0, 0); }).find("token 1 is nan") != std::string::npos);
      logits.set(1, kInf);
      CHECK_THROWS_AS(many.draw(logits, 0, 0), NonFiniteError);
    }
  }
  CHECK_THROWS_AS(choice.draw(f64({1, 2}, {-kInf, -kInf}), 0, 0), NonFiniteError);
  CHECK(error_of([&] { choice.draw(kHalves, 0, 0); }) ==
        "generate: the logits are float64 [1, 5]; 2 tokens were wanted");
  CHECK(error_of([&] {
          TokenChoice({-1, 0, 1}, 2);
        }) ==
        "generate: temperature -1, top_k 0, top_p 1 came; the first two must not be negative, the last in (0, 1]");
  CHECK_THROWS_AS(TokenChoice({1, 0, 0}, 2), Error);
  CHECK_THROWS_AS(TokenChoice({1, -1, 1}, 2), Error);
}
