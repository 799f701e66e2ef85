// Rotary position embedding.
#pragma once

#include "core/tape.h"

namespace tempera {

extern const Op rope_op;

struct RopeOptions {
  Index start = 0;      // position of the first entry along the axis
  double base = 10000;  // of the wave lengths
  Index width = 0;      // elements of the last axis that are rotated, an even number; 0: all. The others stay
  Index heads = 0;      // entries of the axis before the last that are rotated; 0: all. The others stay
};

//   (y_2t, y_2t+1) = R(p base^(-2t / width)) (x_2t, x_2t+1)           p = start + place along `axis`,
//   R(a) = (cos a, -sin a; sin a, cos a),  t = 0 .. width / 2 - 1     neighbours of the last axis make a pair
//   dx = dy rotated back
// Products <rope(q)_i, rope(k)_j> depend on i - j alone (Su et al. 2021, RoFormer). `axis` is not the last one.
// Angles are float64; their sines and cosines are kept with the tape. x is of float32 or float64.
// Throws Error for an axis outside [-rank, -1), an odd width or one that exceeds the last axis, base <= 0, start < 0.
Var rope(const Var& x, int axis, const RopeOptions& options = {});

}  // namespace tempera
