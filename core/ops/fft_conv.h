// Convolution with long kernels by the fast Fourier transform.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op fft_conv_op;

enum class FftBoundary {
  causal,    // x is 0 before its first element
  circular,  // x goes round
};

//   causal     y[.., c, n] = sum_{k <= n} kernel[c, k] x[.., c, n - k]
//   circular   y[.., c, n] = sum_k kernel[c, k] x[.., c, (n - k) mod N]
//   x, y [.., C, N]   kernel [C, K], one filter a channel, or [K], one for all (then x is [.., N])
// K and N are free of each other: causal taps beyond N see nothing, circular ones go round.
//
// In the frequency domain Y = X H, so dX = dY conj(H) and dH = sum over samples of dY conj(X), each a correlation. The
// transform has a length of the form 4 * 2^a 3^b 5^c: N itself if it is one and the boundary is circular, else zeros
// are appended and, for a circular boundary, what runs over is added back. O(N log N) a row; errors grow like log N
// relative to |kernel| |x|, not to the single y: infinities and NaN spread over their whole row.
//
// Spectra are made again in the backward pass, not kept. Sums over samples run in chunks of eight rows that are added
// in order, whatever the number of threads.
Var fft_conv(const Var& x, const Var& kernel, FftBoundary boundary);

}  // namespace tempera
