#include "train/distributed/rank_split.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/error.h"

using namespace tempera;

TEST_CASE("every shard belongs to one rank, and no rank has more than it must", "[ranks]") {
  for (Index shards = 1; shards <= 40; ++shards)
    for (int ranks = 1; ranks <= 12; ++ranks) {
      INFO(shards << " shards, " << ranks << " ranks");
      const RankSplit split(shards, ranks);
      CHECK(split.active() == std::min<Index>(shards, ranks));
      Index next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const ShardRange own = split.of(rank);
        CHECK(own.count() <= (shards + split.active() - 1) / split.active());
        CHECK((own.count() > 0) == (rank < split.active()));
        if (own.count() > 0) CHECK(own.first == next);
        for (Index shard = own.first; shard < own.last; ++shard) CHECK(split.owner(shard) == rank);
        next += own.count();
      }
      CHECK(next == shards);
    }
}

TEST_CASE("ranks own whole sub-trees where that shares the work as well", "[ranks]") {
  // Eight shards on three ranks: 2 + 3 + 3, though 2 + 2 + 4 would cut no pair.
  CHECK(RankSplit(8, 3).of(1) == ShardRange{2, 5});
  // Sixteen on three: pairs, 4 + 6 + 6.
  CHECK(RankSplit(16, 3).of(1) == ShardRange{4, 10});
  CHECK(RankSplit(16, 3).of(2) == ShardRange{10, 16});
  CHECK_THROWS_WITH(RankSplit(0, 2), "ranks: 0 shards came for 2 ranks; at least one of each was wanted");
}
