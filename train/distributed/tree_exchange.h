// The part of a tree sum that crosses ranks.
//
// Where the two children of a node lie with different ranks, each element of their sum is computed by one of the two
// that hold it; which one makes no difference, for floating-point addition commutes: the bits are those of the tree.
// So the elements are shared out. Ranks that meet at a node each keep a part and give the rest away, the parts shrink
// from level to level until every rank holds its share of the whole sum, and then the sums go back the way the terms
// came. Every rank sends and receives 2 n (A - 1) / A elements in 2 log2 A rounds where A is a power of two, whatever
// the number of shards; a tree whose root added everything would receive n log2 A. (Rabenseifner 2004, "Optimization of
// Collective Reduction Operations", with the tree of the shards in place of a tree over ranks.)
#pragma once

#include <vector>

#include "train/distributed/ranks.h"
#include "train/distributed/tree_sum.h"

namespace tempera {

class TreeExchange {
 public:
  // For gradients of `size` elements, summed over `shards` shards.
  TreeExchange(Ranks& ranks, Index shards, Index size);

  // Takes what waits in `tree`, this rank's share of it, and gives the sum over all shards, the same on every rank.
  // `spare` gives buffers, `recycle` takes those that are free again.
  Tensor run(TreeSum& tree, FunctionRef<Tensor()> spare, FunctionRef<void(Tensor)> recycle);

  // Elements that this rank sends in a run, and as many rounds of messages as joins() there and back.
  Index elements_sent() const;
  Index joins() const { return std::ssize(joins_); }

 private:
  // Elements [begin, end) of the sum of a node's two children: `left` and `right` hold the terms, `keeper` is one of
  // them and computes the sum.
  struct Piece {
    Index begin, end;
    int left, right, keeper;
  };
  // Where a buffer waits in the tree.
  struct Place {
    Index level, place;
  };
  struct Join {
    Place left, right, sum;
    std::vector<Piece> pieces;  // those of this rank
  };
  struct Part {  // of the elements of a node
    Index begin, end;
    int owner;
  };
  struct Node {
    Place at;
    std::vector<Part> parts;
    int first_rank, last_rank;
  };
  Node plan(const TreeSum& tree, const RankSplit& split, Index level, Index place, Index size);
  void join(const Join& join, TreeSum& tree, Tensor& scratch, FunctionRef<void(Tensor)> recycle);
  void give_back(const Join& join, Tensor& sum);
  Ranks::Message message(int peer, Tensor& buffer, Index begin, Index end) const;
  void exchange();

  Ranks& ranks_;
  std::vector<Join> joins_;  // from the leaves to the root
  Place root_{};
  int active_;
  std::vector<Ranks::Message> sends_, receives_;
};

}  // namespace tempera
