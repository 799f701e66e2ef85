// Which symbol came last? A word that must be passed on from window to window.
#pragma once

#include "data/generated.h"

namespace tempera {

// Tokens 0 .. fillers - 1 say nothing, tokens fillers .. fillers + symbols - 1 are symbols. The first token is a
// symbol, each other one with probability `share`. The target of every token is the symbol that came last, itself
// included; it is `distance` tokens back. A stack of L layers that see windows of w tokens knows it up to 1 + (w - 1) L
// tokens, no farther (the relay of sliding windows, Fu et al. 2025, "Sliding Window Attention Training",
// arXiv:2502.18845).
//   inputs int32 [length], targets int32 [length]; -1 where the distance is not in nearest .. farthest
struct LatestSymbolDataOptions : DrawnDataOptions {
  int length = 32, symbols = 4, fillers = 4;
  double share = 0.06;
  int nearest = 0, farthest = 1 << 20;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
