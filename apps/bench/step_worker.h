// One row of `bench steps` in a process of its own, so that its memory is its own and rivals take turns.
//
// Speaks the lines of contenders.h, as steps_peer.py does. It is ready after its first step, with {"flops": ..,
// "tokens": ..}; a round is a step; a turn also tells
//   "peak"         GFLOP/s of a core
//   "allocations"  from the heap, for each step after the second, all turns together
//   "sum"          the share of a step that the sum of the shards' gradients takes, by one more step
#pragma once

#include "apps/bench/step_rows.h"

namespace tempera::bench {

void serve_steps(const StepRow& row, const StepSettings& settings);

// So many steps and nothing else: for counting instructions, where `settings` say one thread.
void only_steps(const StepRow& row, const StepSettings& settings, int steps);

}  // namespace tempera::bench
