// Several tensors as one.
#pragma once

#include <initializer_list>
#include <span>

#include "core/tape.h"

namespace tempera {

extern const Op concat_op;
extern const Op stack_op;

//   y = x_1, then x_2, ... along `axis`;  dx_k = the part of dy that x_k became
// Shapes agree but for that axis; one dtype, int32 too. At least one input. Along the first axis the gradients share
// the buffer of dy.
Var concat(std::span<const Var> xs, int axis);
inline Var concat(std::initializer_list<Var> xs, int axis) {
  return concat(std::span<const Var>(xs.begin(), xs.size()), axis);
}

//   y[.., k, ..] = x_k along a new axis, which is axis `axis` of y (-1: the last)
// Shapes and dtypes agree; rank <= 4.
Var stack(std::span<const Var> xs, int axis);
inline Var stack(std::initializer_list<Var> xs, int axis) {
  return stack(std::span<const Var>(xs.begin(), xs.size()), axis);
}

}  // namespace tempera
