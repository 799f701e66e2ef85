// The gated recurrent unit over a sequence.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op gru_op;

// Cho et al. 2014, in the form of PyTorch's nn.GRU, which gates the recurrent part after its product:
//   (a_r, a_z, a_n) = gates[:, t]        (c_r, c_z, c_n) = h_{t-1} W^T + b
//   r = sigmoid(a_r + c_r),   z = sigmoid(a_z + c_z),   n = tanh(a_n + r c_n),   h_t = (1 - z) n + z h_{t-1}
// gates [B, N, 3 D]: the input's part, x W_ih^T + b_ih; W [3 D, D]; b [3 D] or undefined (zeros); start [B, D] is h_0
// or undefined (zeros). Returns h [B, N, D]. With e_t = dh_t + what comes back from step t + 1:
//   da_n = e (1 - z) (1 - n^2),   da_z = e (h_{t-1} - n) z (1 - z),   da_r = da_n c_n r (1 - r)
//   dc = (da_r, da_z, r da_n),    dh_{t-1} = e z + dc W,    dW = sum_t dc_t^T h_{t-1},    db = sum dc
// r, z, n and c_n are kept. The steps of a sequence run one after another; samples do not touch each other. The same
// bits on any number of threads. Throws Error where shapes or dtypes do not fit.
Var gru(const Var& gates, const Var& weight, const Var& bias = {}, const Var& start = {});

}  // namespace tempera
