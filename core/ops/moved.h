// What all operations share that only move elements: forward along a nest of loops, backward along its reverse.
#pragma once

#include "core/kernels/strided.h"
#include "core/tape.h"

namespace tempera {

// How often an element of x is read, which decides how its gradient is gathered.
enum class Reads {
  once,  // every element exactly once: the gradient is moved back
  some,  // at most once: the gradient of the others is 0
  any,   // any number of times: the gradient is a sum
};

// y of `shape`, every element written once from x along `loops` (from: x, to: y). Any dtype; int32 has no gradient.
Var moved(const Op& op, const Var& x, const Shape& shape, const Strided& loops, Reads reads);

}  // namespace tempera
