#include "train/continual/stream_report.h"

#include <fmt/ranges.h>
#include <limits>

#include "train/continual/continual_learner.h"

namespace tempera {
namespace {

StreamFigures figures_of(std::string_view split, const AccuracyMatrix& matrix, Index done, bool forward) {
  StreamFigures figures{split, {{"accuracy", matrix.average(done)}}};
  if (done >= 2) {
    figures.values.push_back({"forgetting", matrix.forgetting(done)});
    figures.values.push_back({"backward_transfer", matrix.backward_transfer(done)});
    if (forward) figures.values.push_back({"forward_transfer", matrix.forward_transfer(done)});
  }
  return figures;
}

// `future`: also the rows and cells of tasks that had not come yet.
LabelledMatrix picture(const AccuracyMatrix& matrix, bool future) {
  LabelledMatrix picture;
  for (Index i = 1; i <= matrix.tasks(); ++i) picture.columns.push_back(fmt::format("task {}", i));
  for (Index k = future ? 0 : 1; k <= matrix.tasks(); ++k) {
    picture.rows.push_back(k == 0 ? "before" : fmt::format("after {}", k));
    for (Index i = 1; i <= matrix.tasks(); ++i)
      picture.values.push_back(future || i <= k ? matrix.at(k, i) : std::numeric_limits<double>::quiet_NaN());
  }
  return picture;
}

}  // namespace

std::vector<StreamFigures> stream_figures(const ContinualLearner& learner, Index done) {
  if (!learner.stream().apart) return {figures_of("domain_il", learner.task_incremental(), done, true)};
  return {figures_of("class_il", learner.class_incremental(), done, false),
          figures_of("task_il", learner.task_incremental(), done, true)};
}

void write_accuracy_matrices(const ContinualLearner& learner, const RunFolder& folder, std::int64_t step) {
  if (!learner.stream().apart)
    return folder.write_matrix("accuracy, domain-incremental", step, picture(learner.task_incremental(), true));
  folder.write_matrix("accuracy, class-incremental", step, picture(learner.class_incremental(), false));
  folder.write_matrix("accuracy, task-incremental", step, picture(learner.task_incremental(), true));
}

std::string describe_stream(const ContinualLearner& learner) {
  constexpr std::size_t kMost = 8;  // classes in a line
  std::string text;
  for (Index t = 0; t < learner.tasks(); ++t) {
    const StreamTask& task = learner.stream().tasks[static_cast<std::size_t>(t)];
    const std::span shown = std::span(task.classes).first(std::min(kMost, task.classes.size()));
    text += fmt::format(
        "{:<12}classes {}{}; {} training and {} test samples; steps {} to {}\n", fmt::format("task {}", t + 1),
        fmt::join(shown, ", "), shown.size() < task.classes.size() ? ", ..." : "", grouped(task.size),
        grouped(task.test->size()), grouped(learner.first_step(t) + 1), grouped(learner.first_step(t + 1)));
  }
  return text;
}

}  // namespace tempera
