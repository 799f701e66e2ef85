#include "train/continual/scenario.h"

#include <limits>

#include "core/kind_of.h"

namespace tempera {

void MaskOptions::describe(Fields& f) {
  f("stream", stream, "classes in the softmax of the stream's rows: all, those of the task, or those present and new",
    one_of({"all", "task", "present"}));
  f("buffer", buffer, "classes in the softmax of rows from memory: all, or those of the row's own task",
    one_of({"all", "task"}));
  f("value", value, "logit of the classes left out, without a gradient; null: minus infinity", between(-1e4, 1e4));
}

double MaskOptions::logit() const {
  return value.value_or(-std::numeric_limits<double>::infinity());
}

StreamOptions::StreamOptions() : method(method_kinds(), "finetune") {}

const MaskOptions& StreamOptions::mask() const {
  static const MaskOptions none;
  return none;
}

void ClassScenarioOptions::describe(Fields& f) {
  f("tasks", tasks, "parts of the classes, one after another; some have a class more where they do not divide",
    between(2, 65536));
  f("order", order, "seed of the order of the classes; null: as they are numbered", at_least(0));
  f("method", method, "against forgetting");
  f("mask", masked, "classes that the softmax leaves out");
}

std::unique_ptr<TaskStream> ClassScenarioOptions::stream(const DataSource& source) const {
  std::optional<std::uint64_t> seed;
  if (order) seed = static_cast<std::uint64_t>(*order);
  return std::make_unique<TaskStream>(class_stream(source, tasks, seed));
}

void PermutedScenarioOptions::describe(Fields& f) {
  f("tasks", tasks, "orders of the inputs, the first as it is", between(2, 65536));
  f("seed", seed, "of the orders");
  f("method", method, "against forgetting");
}

std::unique_ptr<TaskStream> PermutedScenarioOptions::stream(const DataSource& source) const {
  return std::make_unique<TaskStream>(permuted_stream(source, tasks, seed));
}

std::span<const Kind> scenario_kinds() {
  static constexpr Kind kKinds[] = {
      kind_of<ScenarioOptions>("none", "all data all the time"),
      kind_of<ClassScenarioOptions>("class", "one part of the classes after another: class- and task-incremental"),
      kind_of<PermutedScenarioOptions>("permuted",
                                       "the same task with its inputs in another order: domain-incremental"),
  };
  return kKinds;
}

}  // namespace tempera
