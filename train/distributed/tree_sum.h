// Sums gradient buffers along the tree ((0 + 1) + (2 + 3)) + ...: the shape depends on the number of leaves alone, the
// order of arrival changes nothing.
#pragma once

#include <mutex>
#include <vector>

#include "core/function_ref.h"
#include "core/tensor.h"
#include "train/distributed/rank_split.h"

namespace tempera {

class TreeSum {
 public:
  explicit TreeSum(Index leaves, int threads = 1) : TreeSum(leaves, {0, leaves}, threads) {}
  // Of the tree over `leaves` only those of `own` come here. What lies wholly below them is summed; the rest waits at
  // node() for sums that come from elsewhere (tree_exchange.h). Threads that have nothing to do help with a sum: at the
  // last one all but one wait for it.
  TreeSum(Index leaves, ShardRange own, int threads = 1);

  // Gives the gradient of leaf `leaf`. A buffer that was added is spent, and goes to `recycle`; at most about
  // log2(leaves) per thread wait. Thread-safe.
  void add(Index leaf, Tensor buffer, FunctionRef<void(Tensor)> recycle);
  // The sum, when every leaf was added; the tree is empty then, for the next one.
  Tensor take();

  Index levels() const { return static_cast<Index>(width_.size()); }  // the last has one node
  Index width(Index level) const { return width_[static_cast<std::size_t>(level)]; }
  // The leaves below a node.
  ShardRange below(Index level, Index place) const;
  // What waits at a node; undefined where nothing does.
  Tensor& node(Index level, Index place) {
    return waiting_[static_cast<std::size_t>(level)][static_cast<std::size_t>(place)];
  }

 private:
  bool is_own(Index level, Index place) const;

  std::vector<std::vector<Tensor>> waiting_;  // [level][place]: a left or right side that waits for the other
  std::vector<Index> width_;                  // nodes of each level
  ShardRange own_;
  int threads_;
  std::mutex mutex_;
};

}  // namespace tempera
