// One classification after another: the data of continual learning.
//
//   const TaskStream stream = class_stream(source, 5, {});        // digits 0 and 1, then 2 and 3, ...
//   stream.train      samples of task 0, then of task 1, ...; stream.tasks[1].first is where those of task 1 begin
#pragma once

#include <optional>

#include "data/source.h"

namespace tempera {

struct StreamTask {
  std::int64_t first = 0, size = 0;     // its samples in TaskStream::train
  std::shared_ptr<const Dataset> test;  // its own
  std::vector<std::int32_t> classes;    // that occur in it, ascending
};

struct TaskStream {
  std::vector<StreamTask> tasks;
  std::shared_ptr<const Dataset> train, valid, test;  // of all tasks; null where the source has no such part
  bool apart = true;                                  // each class belongs to one task

  Index classes() const { return train->description().classes; }
  // The task of each class, where they are apart.
  std::vector<std::int32_t> task_of_class() const;
};

// The classes of `source` dealt out to the tasks: those at places floor(t K / T) to floor((t + 1) K / T) - 1 of an
// order of all K are task t's, so that tasks differ by one class at most. The order is 0, 1, 2, ... or drawn by `seed`.
// Tests come from the test part, or where there is none from the validation part. Throws Error where the source is no
// classification of single samples, there are fewer classes than tasks, a part of a task is empty, or the training set
// has more than 10 million samples: every one is read once, to learn its class.
TaskStream class_stream(const DataSource& source, int tasks, std::optional<std::uint64_t> seed);

// The same task again and again, with the entries of its inputs in another order each time (Goodfellow et al. 2013, "An
// empirical investigation of catastrophic forgetting"): as they are in task 0, by an order that (seed, t) draws in task
// t. Of images [C, H, W] pixels change places, channels do not. Throws Error for tokens and sequences with lengths.
TaskStream permuted_stream(const DataSource& source, int tasks, std::uint64_t seed);

}  // namespace tempera
