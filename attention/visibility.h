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

  // What a sequence's queries see, by their positions: `far` ends are never reached.
  struct Rule {
    static constexpr Index far = Index{1} << 62;
    Index keys, most;            // of them, the first `most` may be seen at all
    Index behind = -far;         // first = p + behind
    Index causal = far, always;  // last = max(p + causal, always), and p + ahead at most
    Index ahead = far;
    Range operator()(Index p) const {
      const Index first = std::clamp<Index>(p + behind, 0, keys);
      return {first, std::max(first, std::min({most, std::max(p + causal, always), p + ahead}))};
    }
  };
  // For p the position of a query of sequence b less key_start.
  Rule rule(Index b, Index keys) const {
    Rule rule{.keys = keys, .most = keys, .always = prefix - key_start};
    if (lengths.defined()) rule.most = std::min(keys, Index{lengths.data<std::int32_t>()[b]} - key_start);
    if (causal) rule.causal = 1;
    if (window > 0) rule.behind = causal ? 1 - window : -window;
    if (window > 0 && !causal) rule.ahead = window + 1;
    return rule;
  }
  // The keys that query i of sequence b sees among `keys` of them.
  Range operator()(Index b, Index i, Index keys) const { return rule(b, keys)(start + i - key_start); }

  // Throws Error(who, ...) for a window, prefix or start below 0, or lengths that are not int32 [batch] with entries in
  // [0, key_start + keys].
  void check(Index batch, Index keys, std::string_view who) const;
};

}  // namespace tempera
