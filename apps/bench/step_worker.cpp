#include "apps/bench/step_worker.h"

#include "apps/bench/contenders.h"
#include "apps/support/allocations.h"
#include "apps/support/peak.h"
#include "train/profile.h"

namespace tempera::bench {
namespace {

constexpr int kLeastSteps = 3;

// The share of a step that the sum of the shards' gradients takes.
double sum_share(StepModel& model) {
  Profile profile;
  model.trainer().observe(&profile);
  model.trainer().step();
  model.trainer().observe(nullptr);
  double sum = 0;
  for (const Profile::Row& row : profile.rows())
    if (row.operation == "sum of gradients") sum += row.seconds;
  return sum / profile.seconds();
}

template <class T>
void serve_type(StepModel& model, const nlohmann::json& ready) {
  long allocations = 0, steps = -1;  // behind the second
  const auto round = [&] {
    const long before = heap_allocations();
    model.trainer().step();
    if (++steps > 0) allocations += heap_allocations() - before;
  };
  serve(ready, kLeastSteps, round, [&](const std::function<void()>& turn, nlohmann::json& said) {
    said["sum"] = sum_share(model);
    const double before = peak_gflops<T>();
    turn();
    said["peak"] = (before + peak_gflops<T>()) / 2;
    said["allocations"] = static_cast<double>(allocations) / static_cast<double>(steps);
  });
}

}  // namespace

void serve_steps(const StepRow& row, const StepSettings& settings) {
  StepModel model(row, settings);
  const nlohmann::json ready{{"flops", model.step_flops()}, {"tokens", row.batch * row.length}};
  if (row.dtype == "float64") serve_type<double>(model, ready);
  else serve_type<float>(model, ready);
}

void only_steps(const StepRow& row, const StepSettings& settings, int steps) {
  StepModel model(row, settings);
  for (int i = 0; i < steps; ++i) model.trainer().step();
}

}  // namespace tempera::bench
