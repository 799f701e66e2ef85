#include "train/distributed/tree_sum.h"

#include <algorithm>
#include <tbb/task_arena.h>
#include <utility>

#include "core/error.h"
#include "train/parallel_tasks.h"

namespace tempera {
namespace {

void add_to(Tensor& sum, const Tensor& term, int threads) {
  constexpr Index kPanel = 65536;  // elements
  const Index size = sum.size();
  dispatch(sum.dtype(), [&]<class T>(Type<T>) {
    auto s = sum.vec<T>();
    const auto t = term.vec<T>();
    // Isolated: who waits here for a helper must not begin another shard meanwhile.
    tbb::this_task_arena::isolate([&] {
      parallel_tasks(threads, 0, (size + kPanel - 1) / kPanel, [&](Index panel) {
        const Index first = panel * kPanel, count = std::min(kPanel, size - first);
        s.segment(first, count) += t.segment(first, count);
      });
    });
  });
}

}  // namespace

TreeSum::TreeSum(Index leaves, ShardRange own, int threads) : own_(own), threads_(threads) {
  require(leaves > 0, "TreeSum", "at least one leaf was wanted");
  for (Index width = leaves;; width = (width + 1) / 2) {
    width_.push_back(width);
    waiting_.emplace_back(static_cast<std::size_t>(width));
    if (width == 1) break;
  }
}

ShardRange TreeSum::below(Index level, Index place) const {
  return {place << level, std::min(width_[0], (place + 1) << level)};
}

bool TreeSum::is_own(Index level, Index place) const {
  const ShardRange leaves = below(level, place);
  return own_.first <= leaves.first && leaves.last <= own_.last;
}

void TreeSum::add(Index leaf, Tensor buffer, FunctionRef<void(Tensor)> recycle) {
  for (Index level = 0;; ++level, leaf /= 2) {
    const Index sibling = leaf ^ 1;
    const bool root = width(level) == 1;
    if (!root && sibling >= width(level)) continue;  // alone at the end of its level: moves up as it is
    Tensor other;
    {
      const std::lock_guard lock(mutex_);
      if (!root && is_own(level, sibling)) other = std::exchange(node(level, sibling), Tensor());
      if (!other.defined()) {
        node(level, leaf) = std::move(buffer);
        return;
      }
    }
    // Left plus right, whoever came first: addition commutes, and the sum lands in either buffer.
    add_to(buffer, other, threads_);
    recycle(std::move(other));
  }
}

Tensor TreeSum::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_.back()[0], Tensor());
}

}  // namespace tempera
