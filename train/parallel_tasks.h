// Loops on the threads that run the shards (oneTBB): for what lies between the shards of a step.
//
// An OpenMP team (core/parallel.h) would do as well but for its threads, which go on spinning for milliseconds when
// their loop is over, on processors that the next shards want.
#pragma once

#include <algorithm>
#include <atomic>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>

#include "core/handover.h"
#include "core/shape.h"

namespace tempera {

// Calls f(i) for i in [first, last), begun in this order, on at most so many threads of the task arena at hand; f must
// write only what belongs to i.
template <class F>
void parallel_tasks(int threads, Index first, Index last, F&& f) {
  const auto workers = static_cast<int>(std::min<Index>(threads, last - first));
  std::atomic<Index> next = first;
  const auto several = [&](int) {
    take_over();
    for (Index i = next++; i < last; i = next++) f(i);
    hand_over();
  };
  hand_over();
  if (workers <= 1) several(0);
  else tbb::parallel_for(0, workers, several, tbb::simple_partitioner());
  take_over();
}

}  // namespace tempera
