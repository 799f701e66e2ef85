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
