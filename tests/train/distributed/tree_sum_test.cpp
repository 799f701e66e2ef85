#include "train/distributed/tree_sum.h"

#include <catch2/catch.hpp>

#include "core/random.h"

using namespace tempera;

TEST_CASE("a tree sum does not depend on the order of arrival", "[shards]") {
  for (const Index leaves : {1, 2, 3, 5, 8, 13}) {
    std::vector<double> first;
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      TreeSum tree(leaves);
      const auto order = Rng(seed, "order").permutation(static_cast<std::int32_t>(leaves));
      for (const std::int32_t leaf : order) {
        Tensor buffer = Tensor::empty({33}, DType::float32);
        Rng(static_cast<std::uint64_t>(leaf), "leaf").fill_normal(buffer, 0, 1);
        tree.add(leaf, buffer, [](Tensor) {});
      }
      const std::vector<double> sum = tree.take().to_vector();
      if (seed == 0) first = sum;
      CHECK(sum == first);
    }
  }
}

TEST_CASE("threads that help with a sum change no bit", "[shards]") {
  constexpr Index kSize = 3 * 65536 + 17;  // several panels, the last one short
  const auto leaf = [](std::uint64_t number) {
    Tensor buffer = Tensor::empty({kSize}, DType::float32);
    Rng(number, "leaf").fill_normal(buffer, 0, 1);
    return buffer;
  };
  const auto sum = [&](int threads) {
    TreeSum tree(3, threads);
    for (Index i = 0; i < 3; ++i) tree.add(i, leaf(static_cast<std::uint64_t>(i)), [](Tensor) {});
    return tree.take();
  };
  const Tensor a = leaf(0), b = leaf(1), c = leaf(2), alone = sum(1), helped = sum(4);
  const Vector<float> by_hand = (a.vec<float>() + b.vec<float>()) + c.vec<float>();
  CHECK((alone.vec<float>() == by_hand).all());
  CHECK((helped.vec<float>() == by_hand).all());
}
