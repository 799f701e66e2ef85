// What a run over a stream of tasks tells: figures after each task, and the accuracies as a picture.
#pragma once

#include "train/experiment.h"
#include "train/output/run_folder.h"

namespace tempera {

// accuracy, and from the second task on forgetting, backward_transfer and forward_transfer (accuracy_matrix.h), under
// "class_il" and "task_il", or "domain_il" where tasks share their classes. forward_transfer stands where answers do
// not depend on the classes seen so far: not under class_il.
struct StreamFigures {
  std::string_view split;
  NamedValues values;
};
std::vector<StreamFigures> stream_figures(const ContinualLearner& learner, Index done);

// The accuracy of each task (columns) after each task (rows). Cells that were not measured, or where none of the task's
// classes can be the answer yet, are empty.
void write_accuracy_matrices(const ContinualLearner& learner, const RunFolder& folder, std::int64_t step);

// A line for each task: its classes, samples and steps.
std::string describe_stream(const ContinualLearner& learner);

}  // namespace tempera
