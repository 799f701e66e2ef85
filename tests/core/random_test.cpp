#include "core/random.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <set>

using namespace tempera;

namespace {

// Pearson's statistic against equal shares.
double chi_square(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (const int count : counts) total += count;
  const double wanted = total / static_cast<double>(counts.size());
  for (const int count : counts) sum += (count - wanted) * (count - wanted) / wanted;
  return sum;
}

// Within five standard deviations of the chi-square distribution with `freedom` degrees of freedom.
bool plausible(double statistic, double freedom) {
  return std::abs(statistic - freedom) < 5 * std::sqrt(2 * freedom);
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ma += a[i] / n;
    mb += b[i] / n;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

std::vector<double> uniforms(const Rng& rng, Index count) {
  Tensor tensor = Tensor::empty({count}, DType::float64);
  rng.fill_uniform(tensor, 0, 1);
  return tensor.to_vector();
}

constexpr Index kMany = 1 << 18;

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of Random123", "[random]") {
  // The rows "philox4x32 10" of the file kat_vectors.
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(philox({0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, {0xffffffffu, 0xffffffffu}) ==
        PhiloxBlock{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        PhiloxBlock{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("many blocks at once are the blocks one by one", "[random]") {
  const Rng rng(11, "words", 5);
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{3}, (std::uint64_t{1} << 32) - 7})
    for (const Index count : {0, 1, 2, 15, 31, 32, 33, 100}) {
      std::vector<std::uint32_t> words(static_cast<std::size_t>(4 * count) + 1, 77);
      rng.fill_words(first, count, words.data());
      for (std::size_t i = 0; i < static_cast<std::size_t>(4 * count); ++i)
        REQUIRE(words[i] == rng.words(first + i / 4)[i % 4]);
      CHECK(words.back() == 77);
    }
}

TEST_CASE("element i of a fill is draw i", "[random]") {
  const Rng rng(3, "fill");
  for (const Index count : {0, 1, 2, 3, 15, 16, 17, 127, 128, 129, 1000}) {
    Tensor uniform = Tensor::empty({count}, DType::float64), normal = uniform.clone();
    Tensor single = Tensor::empty({count}, DType::float32);
    rng.fill_uniform(uniform, -2, 5);
    rng.fill_normal(normal, 1, 3);
    rng.fill_normal(single, 1, 3);
    for (Index i = 0; i < count; ++i) {
      const auto at = static_cast<std::uint64_t>(i);
      REQUIRE(uniform.at(i) == rng.uniform(at, -2, 5));
      REQUIRE(normal.at(i) == 1 + 3 * rng.normal(at));
      REQUIRE(single.at(i) == static_cast<double>(static_cast<float>(normal.at(i))));
    }
  }
}

TEST_CASE("normal draws are Box and Muller's formula of the uniform ones", "[random]") {
  const Rng rng(5, "normal");
  double worst = 0;
  for (std::uint64_t pair = 0; pair < 20000; pair += 2) {
    const double radius = std::sqrt(-2 * std::log1p(-rng.uniform(pair)));
    const double angle = 2 * std::numbers::pi * rng.uniform(pair + 1);
    worst = std::max(worst, std::abs(rng.normal(pair) - radius * std::cos(angle)));
    worst = std::max(worst, std::abs(rng.normal(pair + 1) - radius * std::sin(angle)));
  }
  CHECK(worst < 1e-14);
}

TEST_CASE("uniform draws have the moments, the cells and the pairs of the uniform distribution", "[random]") {
  const std::vector<double> u = uniforms(Rng(1, "moments"), kMany);
  double mean = 0, square = 0;
  std::vector<int> cells(256), pairs(256);
  for (std::size_t i = 0; i < u.size(); ++i) {
    REQUIRE((u[i] >= 0 && u[i] < 1));
    mean += u[i] / kMany;
    square += (u[i] - 0.5) * (u[i] - 0.5) / kMany;
    ++cells[static_cast<std::size_t>(u[i] * 256)];
    if (i % 2) ++pairs[static_cast<std::size_t>(u[i - 1] * 16) * 16 + static_cast<std::size_t>(u[i] * 16)];
  }
  const double root = std::sqrt(static_cast<double>(kMany));
  CHECK(std::abs(mean - 0.5) < 5 * std::sqrt(1 / 12.) / root);
  CHECK(std::abs(square - 1 / 12.) < 5 * std::sqrt(1 / 180.) / root);
  CHECK(plausible(chi_square(cells), 255));
  CHECK(plausible(chi_square(pairs), 255));
}

TEST_CASE("normal draws have the moments and the distribution function of the normal distribution", "[random]") {
  Tensor tensor = Tensor::empty({kMany}, DType::float64);
  Rng(1, "moments").fill_normal(tensor, 0, 1);
  double moment[5] = {};
  std::vector<int> cells(128);
  for (const double x : tensor.to_vector()) {
    for (int k = 1; k <= 4; ++k) moment[k] += std::pow(x, k) / kMany;
    const double p = 0.5 * std::erfc(-x / std::numbers::sqrt2);  // uniform if x is normal
    ++cells[std::min<std::size_t>(127, static_cast<std::size_t>(p * 128))];
  }
  const double root = std::sqrt(static_cast<double>(kMany));
  CHECK(std::abs(moment[1]) < 5 / root);
  CHECK(std::abs(moment[2] - 1) < 5 * std::sqrt(2.) / root);
  CHECK(std::abs(moment[3]) < 5 * std::sqrt(15.) / root);
  CHECK(std::abs(moment[4] - 3) < 5 * std::sqrt(96.) / root);
  CHECK(plausible(chi_square(cells), 127));
}

TEST_CASE("seeds, streams, steps and sub-streams are independent of each other", "[random]") {
  const Rng base(9, "base");
  std::vector<std::vector<double>> all;
  for (const Rng& rng : {base, Rng(10, "base"), Rng(9, "basf"), base.at_step(1), base.at_step(std::uint64_t{1} << 32),
                         base.sub("a"), base.sub("b"), base.sub("a").sub("b"), base.sub("ab")})
    all.push_back(uniforms(rng, 1 << 16));
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      INFO(a << " and " << b);
      CHECK(std::abs(correlation(all[a], all[b])) < 5. / 256);
    }
  // A stream against itself, shifted by one.
  const std::vector<double> head(all[0].begin(), all[0].end() - 1), tail(all[0].begin() + 1, all[0].end());
  CHECK(std::abs(correlation(head, tail)) < 5. / 256);
}

TEST_CASE("a draw depends on seed, stream, step and index alone", "[random]") {
  const Rng rng(42, "data", 17);
  const double alone = rng.uniform(1000);
  // Another consumer, another order, a copy, a detour over other steps.
  const std::vector<double> other = uniforms(Rng(42, "dropout", 17), 5000);
  CHECK(rng.uniform(999) != alone);
  CHECK(rng.uniform(1000) == alone);
  CHECK(uniforms(rng, 1001).back() == alone);
  CHECK(Rng(42, "data").at_step(3).at_step(17).uniform(1000) == alone);
}

TEST_CASE("below and permutation reach every outcome equally often", "[random]") {
  const Rng rng(2, "below");
  std::vector<int> counts(7), orders(24);
  for (std::uint64_t i = 0; i < 70000; ++i) ++counts[rng.below(i, 7)];
  CHECK(plausible(chi_square(counts), 6));
  for (std::uint64_t step = 0; step < 24000; ++step) {
    const std::vector<std::int32_t> order = rng.at_step(step).permutation(4);
    int rank = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      int smaller = 0;
      for (std::size_t k = i + 1; k < 4; ++k) smaller += order[k] < order[i];
      rank = rank * (4 - static_cast<int>(i)) + smaller;
    }
    ++orders[static_cast<std::size_t>(rank)];
  }
  CHECK(plausible(chi_square(orders), 23));
  CHECK(rng.permutation(0).empty());
  CHECK(rng.permutation(1) == std::vector<std::int32_t>{0});
  CHECK_THROWS_WITH(rng.below(0, 0), "Rng::below: count must be positive");
  CHECK_THROWS_WITH(rng.permutation(-1), "Rng::permutation: count -1 is negative");
}
