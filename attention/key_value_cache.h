// Keys and values of the tokens that went before, in the order in which products read them.
//
//   rows      [B, K, room, D] and [B, K, room, E]
//   packed    each head's K^T and V as kernels::pack lays them out, with room for more: key j stands in column j of
//             panels of W columns, value j in row j. A product with the few queries of a decoding step begins at once.
#pragma once

#include "attention/tiles.h"

namespace tempera {

class KeyValueCache {
 public:
  enum class Form { rows, packed };
  struct Sizes {
    Index batch, kv_heads, width, value_width;
    Index room;  // tokens
  };
  KeyValueCache(const Sizes& sizes, DType dtype, Form form);

  Index size() const { return size_; }  // tokens it holds
  Index batch() const { return keys_.dim(0); }
  const Sizes& sizes() const { return sizes_; }

  // `count` tokens of every head, out of the packed form (attention/score_attention.h) that `layout` describes. Throws
  // Error where there is no room.
  void append(std::span<const Var> sources, const detail::AttentionLayout& layout);
  // Only the last `count` tokens stay.
  void keep_last(Index count);
  // Sequence i goes on from sequence rows[i].
  void reorder(std::span<const Index> rows);
  // What an attention over all tokens reads: the layout's keys and values become those of the cache, given as its
  // sources 1 and 2.
  void attach(detail::AttentionLayout& layout) const;
  const Tensor& keys() const { return keys_; }
  const Tensor& values() const { return values_; }

 private:
  Sizes sizes_;
  Index panel_;           // columns of a panel; 0: rows
  Tensor keys_, values_;  // [B, K, elements of a head]
  Index size_ = 0;
};

}  // namespace tempera
