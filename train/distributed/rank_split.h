// Which shards of a step belong to which rank.
//
// Ranks own whole sub-trees of the tree over the shards (tree_sum.h): rank r of A owns the nodes [r W / A, (r + 1) W /
// A) of the W nodes of one level and all shards below them. That level is the highest at which the busiest rank has no
// more shards than it must, ceil(S / A): work is shared as evenly as can be, and then as few sums as possible cross
// ranks.
#pragma once

#include "core/shape.h"

namespace tempera {

struct ShardRange {
  Index first = 0, last = 0;
  Index count() const { return last - first; }
  bool operator==(const ShardRange&) const = default;
};

class RankSplit {
 public:
  // Throws Error where there are no shards or no ranks.
  RankSplit(Index shards, int ranks);

  // Ranks with shards: 0 to active() - 1. Where there are more ranks than shards the others have none.
  int active() const { return static_cast<int>(active_); }
  ShardRange of(int rank) const;
  int owner(Index shard) const;

 private:
  Index shards_, active_, nodes_ = 0;
  int level_ = 0;
};

}  // namespace tempera
