// Pooling: the largest or the average element of each window over the last one or two axes.
#pragma once

#include <array>

#include "core/tape.h"

namespace tempera {

extern const Op max_pool1d_op;
extern const Op max_pool2d_op;
extern const Op avg_pool1d_op;
extern const Op avg_pool2d_op;

//   y[.., n] = max_k x[.., n stride + k - padding]
//   x [.., L]   y [.., (L + 2 padding - kernel) / stride + 1]
// Stride 0 stands for the kernel's extent: windows side by side. Padding never wins. dx gets dy at the element that
// won; of equal ones the first, and a NaN wins over all. Throws Error where the kernel exceeds the padded input or the
// padding half the kernel.
Var max_pool1d(const Var& x, Index kernel, Index stride = 0, Index padding = 0);
Var max_pool2d(const Var& x, std::array<Index, 2> kernel, std::array<Index, 2> stride = {0, 0},
               std::array<Index, 2> padding = {0, 0});

//   y[.., n] = 1 / count sum_k x[.., n stride + k - padding]        dx[.., m] = sum of dy[.., n] / count over windows
// count is the kernel's extent with count_padding (PyTorch's count_include_pad), else the number of elements of x in
// the window.
Var avg_pool1d(const Var& x, Index kernel, Index stride = 0, Index padding = 0, bool count_padding = true);
Var avg_pool2d(const Var& x, std::array<Index, 2> kernel, std::array<Index, 2> stride = {0, 0},
               std::array<Index, 2> padding = {0, 0}, bool count_padding = true);

}  // namespace tempera
