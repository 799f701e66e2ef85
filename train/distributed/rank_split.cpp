#include "train/distributed/rank_split.h"

#include <algorithm>

#include "core/error.h"

namespace tempera {

RankSplit::RankSplit(Index shards, int ranks) : shards_(shards), active_(std::min<Index>(shards, ranks)) {
  require(active_ > 0, "ranks", "{} shards came for {} ranks; at least one of each was wanted", shards, ranks);
  const Index least = (shards + active_ - 1) / active_;  // shards of the busiest rank
  for (int level = 0;; ++level) {
    const Index nodes = (shards + (Index{1} << level) - 1) >> level;
    if (nodes < active_) break;
    const RankSplit before = *this;
    level_ = level;
    nodes_ = nodes;
    Index most = 0;
    for (int rank = 0; rank < active(); ++rank) most = std::max(most, of(rank).count());
    if (most == least && nodes > 1) continue;
    if (most > least) *this = before;
    break;
  }
}

ShardRange RankSplit::of(int rank) const {
  if (rank >= active_) return {shards_, shards_};
  const auto first = [&](Index r) { return std::min(shards_, (r * nodes_ / active_) << level_); };
  return {first(rank), first(rank + 1)};
}

int RankSplit::owner(Index shard) const {
  // The last rank r with floor(r W / A) <= node.
  return static_cast<int>((((shard >> level_) + 1) * active_ - 1) / nodes_);
}

}  // namespace tempera
