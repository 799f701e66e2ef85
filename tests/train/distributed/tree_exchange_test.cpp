#include "train/distributed/tree_exchange.h"

#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/support/thread_ranks.h"

using namespace tempera;

namespace {

Tensor gradient(Index shard, Index size, DType dtype) {
  Tensor values = Tensor::empty({size}, dtype);
  Rng(static_cast<std::uint64_t>(shard), "gradient").fill_normal(values, 0, 1);
  return values;
}

// The definition: neighbours are added, level by level; one without a neighbour moves up.
Tensor by_definition(Index shards, Index size, DType dtype) {
  std::vector<Tensor> level;
  for (Index shard = 0; shard < shards; ++shard) level.push_back(gradient(shard, size, dtype));
  while (level.size() > 1) {
    std::vector<Tensor> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      if (i + 1 < level.size()) dispatch(dtype, [&]<class T>(Type<T>) { level[i].vec<T>() += level[i + 1].vec<T>(); });
      above.push_back(level[i]);
    }
    level = above;
  }
  return level[0];
}

struct Summed {
  Tensor sum;
  Index sent = 0, rounds = 0;
};

// Sums on each rank, twice over the same plan; the second counts.
std::vector<Summed> on_ranks(int ranks, Index shards, Index size, DType dtype) {
  std::vector<Summed> all(static_cast<std::size_t>(ranks));
  on_thread_ranks(ranks, [&](Ranks& team) {
    const ShardRange own = RankSplit(shards, ranks).of(team.rank());
    TreeSum tree(shards, own);
    TreeExchange exchange(team, shards, size);
    Summed& mine = all[static_cast<std::size_t>(team.rank())];
    const auto spare = [&] { return Tensor::zeros({size}, dtype); };
    const auto recycle = [](Tensor) {};
    for (int time = 0; time < 2; ++time) {
      for (Index shard = own.last; shard-- > own.first;) tree.add(shard, gradient(shard, size, dtype), recycle);
      mine = {exchange.run(tree, spare, recycle), exchange.elements_sent(), exchange.joins()};
    }
  });
  return all;
}

}  // namespace

TEST_CASE("gradients summed across ranks have the bits of the tree", "[ranks]") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  for (const Index shards : {1, 2, 3, 5, 8, 11, 16})
    for (const Index size : {1, 40, 1000}) {
      const std::vector<double> expected = by_definition(shards, size, dtype).to_vector();
      for (const int ranks : {1, 2, 3, 4, 5, 8, 9}) {
        INFO(shards << " shards, " << size << " elements, " << ranks << " ranks");
        for (const Summed& summed : on_ranks(ranks, shards, size, dtype)) CHECK(summed.sum.to_vector() == expected);
      }
    }
}

TEST_CASE("every rank sends 2 n (A - 1) / A elements in 2 log2 A rounds", "[ranks]") {
  constexpr Index n = 4096;
  for (const int ranks : {2, 4, 8})
    for (const Summed& summed : on_ranks(ranks, 16, n, DType::float32)) {
      // Terms are sent up once and sums down once, which elements_sent() counts together.
      CHECK(summed.sent == 2 * n * (ranks - 1) / ranks);
      CHECK(summed.rounds == (ranks == 2 ? 1 : ranks == 4 ? 2 : 3));
    }
}
