// Axes in another order.
#pragma once

#include <initializer_list>
#include <span>

#include "core/tape.h"

namespace tempera {

extern const Op permute_op;

//   y[p_order(0), ..., p_order(r-1)] = x[p_0, ..., p_{r-1}]         axis k of y is axis order(k) of x
//   dx = dy in the inverse order
// One copy; none where only axes of extent 1 move. `order` names every axis once, negative from the back. Any dtype.
//   permute(x, {0, 2, 1, 3})     [B, N, H, D] -> [B, H, N, D]
Var permute(const Var& x, std::span<const Index> order);
inline Var permute(const Var& x, std::initializer_list<Index> order) {
  return permute(x, std::span<const Index>(order.begin(), order.size()));
}
// Two axes exchanged.
Var transpose(const Var& x, int axis_a = -2, int axis_b = -1);

}  // namespace tempera
