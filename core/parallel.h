// Loops cut into fixed panels: the cut depends on the work, never on the number of threads, so the same bits
// come out on one thread and on sixteen.
#pragma once

#include <algorithm>

#include "core/shape.h"

namespace tempera {

// Calls f(first, last) for the panels [0, grain), [grain, 2 grain), ... of [0, count). With threads > 1 an
// OpenMP team shares the panels; f must write only what belongs to its panel and must not throw.
template <class F>
void parallel_panels([[maybe_unused]] int threads, Index count, Index grain, F&& f) {
  const Index panels = (count + grain - 1) / grain;
  const auto run = [&](Index panel) { f(panel * grain, std::min(count, (panel + 1) * grain)); };
#ifdef _OPENMP
  if (threads > 1 && panels > 1) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index panel = 0; panel < panels; ++panel) run(panel);
    return;
  }
#endif
  for (Index panel = 0; panel < panels; ++panel) run(panel);
}

// Calls f(worker, unit) for every unit of [0, count), worker in [0, threads). Units of one worker run one after
// another, so scratch memory may belong to a worker; what a unit computes must not depend on which worker that is.
template <class F>
void parallel_units(int threads, Index count, F&& f) {
  const Index workers = std::min<Index>(threads, count);
  parallel_panels(threads, workers, 1, [&](Index worker, Index) {
    for (Index unit = worker; unit < count; unit += workers) f(worker, unit);
  });
}

}  // namespace tempera
