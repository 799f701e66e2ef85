// Reads batches ahead of the training step.
//
// Batches come in the order of the steps and are the same for every depth and number of threads: a batch is a function
// of the step alone. Reading happens in oneTBB tasks of an arena of its own; where no thread is free, next() reads the
// batch itself, so it never waits for a task that has not begun.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "data/dataset.h"
#include "data/sampler.h"

namespace tempera {

struct LoaderOptions {
  int depth = 2;                                                 // batches read ahead; 0: read inside next()
  std::int64_t first = 0;                                        // step that the first next() gives
  std::int64_t last = std::numeric_limits<std::int64_t>::max();  // steps from here on are not read
  // Which samples [first, last) of a step of so many are read: those of one process of several. Empty: all.
  std::function<std::pair<std::int64_t, std::int64_t>(std::int64_t samples)> rows = {};
};

class Loader {
 public:
  Loader(std::shared_ptr<const Dataset> set, const Sampler& sampler, const LoaderOptions& options = {});
  ~Loader();  // at any time; waits for the tasks that are reading
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t step() const;  // of the batch that next() gives
  bool done() const;          // step() == last
  // The batch of step(), valid until the call after; whoever copies it keeps it. An exception of the reader comes out
  // here, at the step it belongs to, and again if that step is asked for again. Throws Error when done().
  const Batch& next();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tempera
