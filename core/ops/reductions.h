// Sums, means, extrema and the like over any set of axes.
//
// x has any shape; `axes` is all by default, one axis, or a list: {0, 2}. Reduced axes vanish from the result, or stay
// with extent 1 if keep_dims. All throw Error for an axis outside [-rank, rank), an axis named twice, or an int32 x.
// NaN anywhere among the reduced elements gives NaN. float32 sums run along a tree: error O(log n) ulp of sum |x|.
#pragma once

#include "core/axes.h"
#include "core/tape.h"

namespace tempera {

//   y = sum x                               dx = dy
// The sum of nothing is 0.
Var sum(const Var& x, Axes axes = {}, bool keep_dims = false);

//   y = sum x / n                           dx = dy / n
// The mean of nothing is NaN.
Var mean(const Var& x, Axes axes = {}, bool keep_dims = false);

//   y = max x                               dx = dy [x = y] / number of maxima
// Equal maxima share the gradient equally. Error when there is nothing to choose from.
Var max(const Var& x, Axes axes = {}, bool keep_dims = false);
Var min(const Var& x, Axes axes = {}, bool keep_dims = false);

//   y = sum (x - mean x)^2 / m              dx = dy 2 (x - mean x) / m        m = n, or n - 1 if unbiased
// In two passes: nothing cancels when the mean is large. m = 0 gives NaN.
Var var(const Var& x, Axes axes = {}, bool keep_dims = false, bool unbiased = false);

//   y = t + log sum exp(x - t), t = max x   dx = dy exp(x - t) / sum exp(x - t)
// Elements -inf throughout (or none at all) give -inf and a zero gradient; +inf gives +inf and a NaN gradient.
Var logsumexp(const Var& x, Axes axes = {}, bool keep_dims = false);

//   y = sqrt(sum x^2)                       dx = dy x / y, and 0 where y = 0
// Squares are not rescaled: |x| beyond 1e19 overflows in float32.
Var norm(const Var& x, Axes axes = {}, bool keep_dims = false);

// int32 positions of the maximum along `axis`, which vanishes: the first of equals, the first NaN if there is one. Any
// dtype; no gradient. Error when the axis has extent 0 and the result is not empty.
Tensor argmax(const Tensor& x, int axis = -1, const std::shared_ptr<Pool>& pool = nullptr);

// The differentiable operations above, for the table.
std::span<const Op* const> reduction_ops();

}  // namespace tempera
