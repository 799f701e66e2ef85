// Softmax cross-entropy of logits against class indices.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op cross_entropy_op;

//   loss = mean over rows of  log sum_c exp(x_c) - x_t        x logits [.., C], t targets int32 [..] -> scalar
//   dx = dloss (softmax(x) - onehot(t)) / rows
// Rows whose target is `ignore_index` count neither in the sum nor in `rows`; without any row the loss is 0. The
// largest logit of a row is taken out first, so nothing overflows. A target whose logit is -inf costs +inf; a row that
// is -inf throughout costs +inf and has a zero gradient; +inf gives NaN. Throws Error where the shapes disagree,
// targets are not int32, or a target is neither in [0, C) nor `ignore_index`.
Var cross_entropy(const Var& logits, const Tensor& targets, std::int32_t ignore_index = -100);

}  // namespace tempera
