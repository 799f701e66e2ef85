// One row of `bench steps` in a process of its own, so that its memory is its own and rivals take turns.
//
// Line by line on standard input and output; steps_peer.py speaks the same:
//   -> {"flops": .., "tokens": ..}                        after the first step
//   <- run SECONDS
//   -> {"ms": [..], "cpu": s, "peak": GFLOP/s}            of each step; processor time of them all; peak of a core
//   (ours)
//   <- (end of file)                                      ends the process
#pragma once

#include "apps/bench/step_rows.h"

namespace tempera::bench {

void serve_steps(const StepRow& row, int threads, int shard);

}  // namespace tempera::bench
