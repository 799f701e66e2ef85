#include "data/text/ngram.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "core/random.h"

using namespace tempera;

namespace {

using Tokens = std::vector<std::int32_t>;

// The definition, by searching the text for every count.
struct Naive {
  Tokens train;
  int order;
  double vocabulary;

  std::set<Tokens> grams(std::size_t length) const {
    std::set<Tokens> all;
    for (std::size_t i = 0; i + length <= train.size(); ++i)
      all.insert(Tokens(train.begin() + static_cast<long>(i), train.begin() + static_cast<long>(i + length)));
    return all;
  }
  double count(const Tokens& gram) const {
    double n = 0;
    if (static_cast<int>(gram.size()) == order) {
      for (std::size_t i = 0; i + gram.size() <= train.size(); ++i)
        n += std::equal(gram.begin(), gram.end(), train.begin() + static_cast<long>(i));
    } else {
      for (const Tokens& longer : grams(gram.size() + 1)) n += std::equal(gram.begin(), gram.end(), longer.begin() + 1);
    }
    return n;
  }
  double discount(std::size_t length) const {
    double once = 0, twice = 0;
    for (const Tokens& gram : grams(length)) {
      once += count(gram) == 1;
      twice += count(gram) == 2;
    }
    return once > 0 && twice > 0 ? once / (once + 2 * twice) : 0.5;
  }
  double probability(Tokens history, std::int32_t token) const {
    double shorter = 1 / vocabulary;
    if (static_cast<int>(history.size()) >= order) history.erase(history.begin(), history.end() - (order - 1));
    if (!history.empty()) shorter = probability(Tokens(history.begin() + 1, history.end()), token, true);
    return level(history, token, shorter);
  }

 private:
  double probability(Tokens history, std::int32_t token, bool) const {
    double shorter = 1 / vocabulary;
    if (!history.empty()) shorter = probability(Tokens(history.begin() + 1, history.end()), token, true);
    return level(history, token, shorter);
  }
  double level(const Tokens& history, std::int32_t token, double shorter) const {
    double total = 0, distinct = 0, own = 0;
    for (std::int32_t w = 0; w < vocabulary; ++w) {
      Tokens gram = history;
      gram.push_back(w);
      const double n = count(gram);
      total += n;
      distinct += n > 0;
      if (w == token) own = n;
    }
    if (total == 0) return shorter;
    const double d = discount(history.size() + 1);
    return (std::max(own - d, 0.0) + d * distinct * shorter) / total;
  }
};

Tokens random_tokens(std::uint64_t seed, std::size_t count, std::uint64_t vocabulary) {
  const Rng rng(seed, "test/ngram");
  Tokens tokens;
  // The product makes some tokens frequent.
  for (std::size_t i = 0; i < count; ++i)
    tokens.push_back(
        static_cast<std::int32_t>(rng.uniform(2 * i) * rng.uniform(2 * i + 1) * static_cast<double>(vocabulary)));
  return tokens;
}

}  // namespace

TEST_CASE("the n-gram baseline is its definition", "[data][ngram]") {
  const int order = GENERATE(1, 2, 3, 4);
  const Tokens train = random_tokens(1, 60, 5), valid = random_tokens(2, 20, 5);
  const Naive naive{train, order, 5};
  double expected = 0;
  for (std::size_t i = 0; i < valid.size(); ++i)
    expected -= std::log(naive.probability(Tokens(valid.begin(), valid.begin() + static_cast<long>(i)), valid[i]));
  CHECK(ngram_baseline(train, valid, order, 5) == Approx(expected / 20).epsilon(1e-12));
  // The probabilities of all tokens sum to one after any history, seen or not.
  for (const Tokens& history : {Tokens{}, Tokens{0}, Tokens{4, 4}, Tokens{0, 1, 0}, Tokens{3, 4, 4}}) {
    double sum = 0;
    for (std::int32_t w = 0; w < 5; ++w) sum += naive.probability(history, w);
    CHECK(sum == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("what counting can know", "[data][ngram]") {
  Tokens cycle;
  for (int i = 0; i < 3000; ++i) cycle.push_back(i % 3);
  CHECK(ngram_baseline(cycle, cycle, 1, 3) == Approx(std::log(3)).epsilon(0.01));
  CHECK(ngram_baseline(cycle, cycle, 2, 3) < 0.01);
  // Fair coins cannot be guessed.
  const Rng rng(3, "test/coins");
  Tokens coins;
  for (std::uint64_t i = 0; i < 20'000; ++i) coins.push_back(static_cast<std::int32_t>(rng.below(i, 2)));
  const std::span<const std::int32_t> all(coins);
  CHECK(ngram_baseline(all.first(10'000), all.last(10'000), 5, 2) == Approx(std::log(2)).epsilon(0.01));
  CHECK(ngram_baseline(Tokens{0}, Tokens{1}, 5, 2) > 0);
}

TEST_CASE("an n-gram baseline refuses what it cannot count", "[data][ngram][errors]") {
  const Tokens one{0};
  CHECK_THROWS_WITH(ngram_baseline(one, one, 0, 1), "ngram_baseline: order 0 came; 1..8 was wanted");
  CHECK_THROWS_WITH(ngram_baseline(one, {}, 1, 1), "ngram_baseline: 1 tokens came to learn from and 0 to judge by");
  CHECK_THROWS_WITH(ngram_baseline(one, Tokens{1}, 1, 1), "ngram_baseline: token 1 came; the vocabulary has 1");
}
