// Contractions of two tensors by index letters.
#pragma once

#include <string_view>

#include "core/tape.h"

namespace tempera {

//   einsum("bhnd,bhmd->bhnm", q, k)        scores
//   einsum("bij,bjk->bik", a, b)           a batched product
//   einsum("i,j->ij", a, b)                an outer product
//
//   y[out] = sum over the letters that are not in `out` of a[..] b[..]
//
// A letter names an axis: once per operand, with one extent everywhere. Letters of both operands and of the output
// are batches, those of both operands alone are contracted, those of one operand alone are summed. Records a batched
// matmul, and permutations where an operand does not lie as it needs.
// Throws Error for a malformed formula or extents that disagree.
Var einsum(std::string_view formula, const Var& a, const Var& b);

}  // namespace tempera
