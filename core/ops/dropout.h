// Dropout.
#pragma once

#include <string_view>

#include "core/random.h"
#include "core/tape.h"

namespace tempera {

extern const Op dropout_op;

//   y[i] = x[i] keep[i] / (1 - probability)        dx[i] = dy[i] keep[i] / (1 - probability)        any shape
// keep[i] is 0 with `probability` and 1 otherwise (Srivastava et al. 2014, with the scale at training time), so the
// mean of y over masks is x. A dropped element is 0 even where x is infinite or NaN.
//
// keep[i] is made of word first + i of the stream rng.sub(site), so the parts of a batch, each with the place of its
// first element, get the parts of one mask. No mask is stored: the backward pass and a recomputation
// make the same one again, and another site, seed or step gives an independent one. With probability 0 the result is x
// itself. Throws Error unless probability is in [0, 1).
Var dropout(const Var& x, double probability, const Rng& rng, std::string_view site, std::uint64_t first = 0);

}  // namespace tempera
