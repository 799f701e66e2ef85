#include "train/distributed/tree_exchange.h"

#include <algorithm>
#include <utility>

namespace tempera {
namespace {

constexpr Index kAligned = 16;  // parts begin at multiples of so many elements

// to[begin, end) += from[begin, end)
void add(Tensor& to, const Tensor& from, Index begin, Index end) {
  dispatch(to.dtype(), [&]<class T>(Type<T>) {
    to.vec<T>().segment(begin, end - begin) += from.vec<T>().segment(begin, end - begin);
  });
}

}  // namespace

TreeExchange::TreeExchange(Ranks& ranks, Index shards, Index size) : ranks_(ranks) {
  const RankSplit split(shards, ranks.size());
  const TreeSum tree(shards);
  active_ = split.active();
  root_ = plan(tree, split, tree.levels() - 1, 0, size).at;
}

// Every rank makes the plan of all, and keeps what it takes part in.
TreeExchange::Node TreeExchange::plan(const TreeSum& tree, const RankSplit& split, Index level, Index place,
                                      Index size) {
  const ShardRange leaves = tree.below(level, place);
  const int first = split.owner(leaves.first), last = split.owner(leaves.last - 1);
  if (first == last) return {{level, place}, {{0, size, first}}, first, last};
  const Node left = plan(tree, split, level - 1, 2 * place, size);
  if (2 * place + 1 >= tree.width(level - 1)) return left;  // an only child moves up as it is
  const Node right = plan(tree, split, level - 1, 2 * place + 1, size);
  Node sum{{level, place}, {}, first, last};
  Join join{left.at, right.at, sum.at, {}};
  const Index ranks_left = left.last_rank - left.first_rank + 1, ranks_right = right.last_rank - right.first_rank + 1;
  const auto keep = [&](Index begin, Index end, int of_left, int of_right, int keeper) {
    if (begin == end) return;
    sum.parts.push_back({begin, end, keeper});
    const int me = ranks_.rank();
    if (of_left == me || of_right == me) join.pieces.push_back({begin, end, of_left, of_right, keeper});
  };
  // Both lists cover all elements; where they overlap, each side keeps as much as it has ranks.
  for (auto l = left.parts.begin(), r = right.parts.begin(); l != left.parts.end();) {
    const Index begin = std::max(l->begin, r->begin), end = std::min(l->end, r->end);
    const Index share = (end - begin) * ranks_left / (ranks_left + ranks_right);
    const Index middle = l->owner == r->owner ? end : begin + share / kAligned * kAligned;
    keep(begin, middle, l->owner, r->owner, l->owner);
    keep(middle, end, l->owner, r->owner, r->owner);
    if (r->end == end) ++r;
    if (l->end == end) ++l;
  }
  // A rank below the node takes part even without a piece, for its buffer moves up.
  if (first <= ranks_.rank() && ranks_.rank() <= last) joins_.push_back(std::move(join));
  return sum;
}

Ranks::Message TreeExchange::message(int peer, Tensor& buffer, Index begin, Index end) const {
  const std::size_t width = byte_size(buffer.dtype());
  return {peer, std::span(static_cast<std::byte*>(buffer.raw()), buffer.bytes())
                    .subspan(static_cast<std::size_t>(begin) * width, static_cast<std::size_t>(end - begin) * width)};
}

void TreeExchange::exchange() {
  ranks_.exchange(sends_, receives_);
  sends_.clear();
  receives_.clear();
}

void TreeExchange::join(const Join& join, TreeSum& tree, Tensor& scratch, FunctionRef<void(Tensor)> recycle) {
  const int me = ranks_.rank();
  Tensor left = std::exchange(tree.node(join.left.level, join.left.place), Tensor());
  Tensor right = std::exchange(tree.node(join.right.level, join.right.place), Tensor());
  Tensor& sum = left.defined() ? left : right;
  // A term that this rank has on its right side lands on the left, where it has one.
  const auto arrives = [&](const Piece& piece) -> Tensor& {
    return piece.keeper == piece.right && left.defined() ? left : scratch;
  };
  for (const Piece& piece : join.pieces) {
    if (piece.left == piece.right) continue;
    const int peer = piece.left == me ? piece.right : piece.left;
    if (piece.keeper == me) receives_.push_back(message(peer, arrives(piece), piece.begin, piece.end));
    else sends_.push_back(message(peer, piece.left == me ? left : right, piece.begin, piece.end));
  }
  exchange();
  for (const Piece& piece : join.pieces) {
    if (piece.keeper != me) continue;
    const bool other_right = piece.left == piece.right || &arrives(piece) == &left;
    add(sum, other_right ? right : scratch, piece.begin, piece.end);
  }
  if (left.defined() && right.defined()) recycle(std::move(right));
  tree.node(join.sum.level, join.sum.place) = std::move(sum);
}

void TreeExchange::give_back(const Join& join, Tensor& sum) {
  const int me = ranks_.rank();
  for (const Piece& piece : join.pieces) {
    if (piece.left == piece.right) continue;
    const int peer = piece.left == me ? piece.right : piece.left;
    (piece.keeper == me ? sends_ : receives_).push_back(message(peer, sum, piece.begin, piece.end));
  }
  exchange();
}

Tensor TreeExchange::run(TreeSum& tree, FunctionRef<Tensor()> spare, FunctionRef<void(Tensor)> recycle) {
  if (ranks_.size() == 1) return tree.take();
  Tensor scratch = spare(), sum;
  if (ranks_.rank() < active_) {
    for (const Join& one : joins_) join(one, tree, scratch, recycle);
    sum = std::exchange(tree.node(root_.level, root_.place), Tensor());
    for (auto one = joins_.rbegin(); one != joins_.rend(); ++one) give_back(*one, sum);
    recycle(std::move(scratch));
  } else {
    sum = std::move(scratch);
  }
  // Ranks without a shard are told.
  for (int rank = active_; rank < ranks_.size(); ++rank) {
    const int teller = rank % active_;
    if (ranks_.rank() == teller) sends_.push_back(message(rank, sum, 0, sum.size()));
    if (ranks_.rank() == rank) receives_.push_back(message(teller, sum, 0, sum.size()));
  }
  if (!sends_.empty() || !receives_.empty()) exchange();
  return sum;
}

Index TreeExchange::elements_sent() const {
  Index sent = 0;
  for (const Join& join : joins_)
    for (const Piece& piece : join.pieces)
      if (piece.left != piece.right) sent += piece.end - piece.begin;  // one way or, coming back, the other
  return sent;
}

}  // namespace tempera
