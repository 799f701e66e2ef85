// Convolution (the cross-correlation that neural networks call so) over one or two axes.
#pragma once

#include <array>

#include "core/tape.h"

namespace tempera {

extern const Op conv1d_op;
extern const Op conv2d_op;

struct Conv1dOptions {
  Index stride = 1;
  Index padding = 0;  // zeros on either side
  Index dilation = 1;
  Index groups = 1;     // divides C and O: filters of group g read the channels of group g alone
  bool causal = false;  // (K - 1) dilation zeros before and none after: y[.., n] sees x[.., 0 .. n stride]
};

struct Conv2dOptions {
  std::array<Index, 2> stride{1, 1};
  std::array<Index, 2> padding{0, 0};
  std::array<Index, 2> dilation{1, 1};
  Index groups = 1;
};

//   y[b, o, n] = bias[o] + sum_{c, k} weight[o, c, k] x[b, c', n stride + k dilation - padding]
//   x [B, C, L]   weight [O, C / groups, K]   bias [O]   y [B, O, (L + 2 padding - dilation (K - 1) - 1) / stride + 1]
// c' = c + (C / groups) (group of o); x is 0 outside of [0, L).
//
//   dx[b, c', m]     = sum of weight[o, c, k] dy[b, o, n] over n stride + k dilation - padding = m
//   dweight[o, c, k] = sum_{b, n} dy[b, o, n] x[b, c', n stride + k dilation - padding]
//   dbias[o]         = sum_{b, n} dy[b, o, n]
// Sums over the batch run in eight chunks that are added in order, whatever the number of threads. An empty batch gives
// zero gradients of weight and bias. Throws Error where shapes do not fit or the kernel exceeds the padded input.
Var conv1d(const Var& x, const Var& weight, const Conv1dOptions& options = {});
Var conv1d(const Var& x, const Var& weight, const Var& bias, const Conv1dOptions& options = {});

// The same over two axes: x [B, C, H, W], weight [O, C / groups, KH, KW], bias [O], y [B, O, H', W'].
Var conv2d(const Var& x, const Var& weight, const Conv2dOptions& options = {});
Var conv2d(const Var& x, const Var& weight, const Var& bias, const Conv2dOptions& options = {});

}  // namespace tempera
