#include "train/distributed/tree_sum.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace tempera {

TreeSum::TreeSum(Index leaves, ShardRange own) : own_(own) {
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
    dispatch(buffer.dtype(), [&]<class T>(Type<T>) { buffer.vec<T>() += other.vec<T>(); });
    recycle(std::move(other));
  }
}

Tensor TreeSum::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_.back()[0], Tensor());
}

}  // namespace tempera
