// The speed limit of a core, and clocks to measure against it.
#pragma once

namespace tempera::bench {

// Seconds of processor time of this thread.
double cpu_seconds();

// GFLOP/s of fused multiply-adds in independent registers, measured now: it moves with the clock of the machine.
template <class T>
double peak_gflops();

}  // namespace tempera::bench
