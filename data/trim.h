// A batch without the places at the end that no sample of it uses: padding costs time and changes nothing.
#pragma once

#include "data/batch.h"

namespace tempera {

// Lengths of batches are rounded up to this, so that few shapes come.
inline constexpr Index kTrimmedTo = 16;

// `batch` where there is nothing to cut; else a copy in `room`, whose memory is used again. Cut are tokens behind the
// longest of `lengths`, `second_lengths`, and with them targets that stand token by token: those of the second inputs
// where there are some. Where a target other than -1 would be lost, nothing is cut. What a model makes of the batch is
// the same but for rounding, for lengths are true lengths: nothing beyond them is seen.
const Batch& trimmed(const Batch& batch, Batch& room);

}  // namespace tempera
