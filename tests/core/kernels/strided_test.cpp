#include "core/kernels/strided.h"

#include <algorithm>

#include "tests/support/movement.h"

using namespace tempera;

namespace {

// A copy between two axis orders of one random shape, with up to five levels in random order.
struct Exchange {
  Strided loops;
  Shape shape;
};

Exchange draw_exchange(std::uint64_t seed) {
  const int rank = 1 + static_cast<int>(seed % 5);
  Exchange result{{}, random_shape(rank, seed, rank > 3 ? 7 : 40)};
  const std::vector<std::int32_t> order = Rng(seed, "order").permutation(rank),
                                  nest = Rng(seed, "nest").permutation(rank);
  Shape to = result.shape;
  for (int k = 0; k < rank; ++k) to.set(k, result.shape[order[static_cast<std::size_t>(k)]]);
  for (const std::int32_t k : nest)
    result.loops.loop(to[k], stride_of(result.shape, order[static_cast<std::size_t>(k)]), stride_of(to, k));
  return result;
}

// to += from (or to = from), one element after the other.
void reference(const Strided& loops, const Tensor& from, std::vector<double>& to, bool add) {
  for (Index n = 0; n < loops.size(); ++n) {
    Index rest = n, source = loops.from_first, target = loops.to_first;
    for (int k = loops.levels - 1; k >= 0; --k) {
      const Strided::Level& level = loops.level[static_cast<std::size_t>(k)];
      source += rest % level.extent * level.from;
      target += rest % level.extent * level.to;
      rest /= level.extent;
    }
    double& place = to[static_cast<std::size_t>(target)];
    place = (add ? place : 0) + from.at(source);
  }
}

}  // namespace

TEST_CASE("strided_move agrees with one element after the other, in any order of the loops", "[kernels][strided]") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto [loops, shape] = draw_exchange(seed);
    INFO("shape " << to_string(shape) << ", seed " << seed);
    for (const bool add : {false, true})
      for (const int threads : {1, 4}) {
        const Tensor from = random_tensor(shape, DType::float64, "from");
        Tensor to = random_tensor({shape.size()}, DType::float64, "to");
        std::vector<double> wanted = to.to_vector();
        reference(loops, from, wanted, add);
        strided_move(loops, from, to, add, threads);
        CHECK(to.to_vector() == wanted);
      }
  }
}

TEST_CASE("strided_sum adds all that meet, whichever loops stand still", "[kernels][strided]") {
  const Rng rng(2, "still");
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    // Some loops of `to` stand still, so `to` is dense over the others.
    auto [loops, shape] = draw_exchange(seed);
    Index size = 1;
    for (int k = 0; k < loops.levels; ++k) {
      Strided::Level& level = loops.level[static_cast<std::size_t>(k)];
      const bool still = rng.below(8 * seed + static_cast<std::uint64_t>(k), 2) == 0;
      level.to = still ? 0 : size;
      if (!still) size *= level.extent;
    }
    INFO("shape " << to_string(shape) << ", seed " << seed);
    const Tensor from = random_tensor(shape, DType::float64, "from");
    for (const bool add : {false, true}) {
      Tensor first;
      for (const int threads : {1, 4}) {
        Tensor to = random_tensor({size}, DType::float64, "to"), sums = Tensor::empty({size}, DType::float64);
        std::vector<double> wanted = to.to_vector();
        if (!add) std::fill(wanted.begin(), wanted.end(), 0);
        reference(loops, from, wanted, true);
        strided_sum(loops, from, to, sums, add, threads);
        double worst = 0;
        for (Index i = 0; i < size; ++i)
          worst = std::max(worst, std::abs(to.at(i) - wanted[static_cast<std::size_t>(i)]));
        CHECK(worst <= 1e-9);
        if (threads == 1) first = to;
        else CHECK(same_bits(first, to));
      }
    }
  }
}
