// A margin of one value.
#pragma once

#include <initializer_list>
#include <span>

#include "core/tape.h"

namespace tempera {

extern const Op pad_op;

//   y[p + before] = x[p], `value` elsewhere;  y has extent before[k] + x.dim(k) + after[k] along axis k
//   dx[p] = dy[p + before]
// One count per axis, none negative (slice crops). Any dtype; `value` is rounded to it.
Var pad(const Var& x, std::span<const Index> before, std::span<const Index> after, double value = 0);
inline Var pad(const Var& x, std::initializer_list<Index> before, std::initializer_list<Index> after,
               double value = 0) {
  return pad(x, std::span<const Index>(before.begin(), before.size()),
             std::span<const Index>(after.begin(), after.size()), value);
}
// The same along one axis.
Var pad_axis(const Var& x, int axis, Index before, Index after, double value = 0);

}  // namespace tempera
