// Which keys a query sees: one contiguous range for each query of each sequence.
#pragma once

#include <algorithm>
#include <string_view>

#include "core/tensor.h"

namespace tempera {

// Columns [first, last) of a row of scores; empty where first == last.
struct Range {
  Index first = 0, last = 0;
  Index count() const { return last - first; }
  bool operator==(const Range&) const = default;
};

// With p = start + i the position of query i and s = key_start + j that of key j, query i of sequence b sees key j if
//
//   s < lengths[b]                                   (true lengths; undefined: all keys)
//   s <= p, or s < prefix                            (causal; the first `prefix` tokens are seen by all)
//   p - s < window                                   (causal with a window: the last `window` tokens, itself among
//   them) |p - s| <= window                                (window without causal: `window` tokens on either side)
//
// A causal window covers the prefix as it does everything else. The ends of the range never decrease with i. A query
// that sees nothing gets zeros and gives no gradient.
struct Visibility {
  Tensor lengths = {};  // int32 [B]
  bool causal = false;
  Index window = 0;  // 0: unlimited
  Index prefix = 0;
  Index start = 0;      // position of query 0
  Index key_start = 0;  // position of key 0

  // The keys that query i of sequence b sees among `keys` of them.
  Range operator()(Index b, Index i, Index keys) const {
    const Index p = start + i - key_start;
    Index first = 0, last = keys;
    if (lengths.defined()) last = std::min(last, Index{lengths.data<std::int32_t>()[b]} - key_start);
    if (causal) last = std::min(last, std::max(p + 1, prefix - key_start));
    if (window > 0) first = causal ? p - window + 1 : p - window;
    if (window > 0 && !causal) last = std::min(last, p + window + 1);
    first = std::clamp<Index>(first, 0, keys);
    return {first, std::max(first, last)};
  }

  // Throws Error(who, ...) for a window, prefix or start below 0, or lengths that are not int32 [batch] with entries in
  // [0, key_start + keys].
  void check(Index batch, Index keys, std::string_view who) const;
};

}  // namespace tempera
