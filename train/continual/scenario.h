// What comes after what: `continual` in a configuration.
//
//   continual: {type: class, tasks: 5, method: {type: er, buffer: 200}, mask: {stream: task}}
#pragma once

#include "train/continual/method.h"

namespace tempera {

// Which classes the softmax of a row leaves out (losses/masked_cross_entropy.h):
//
//   stream   all: none. task: those that are not of the row's task (arXiv:2309.14808). present: those of the task and
//   of
//            earlier ones that no row of the stream's batch bears, from the second task on (with `value` null ER-ACE,
//            Caccia et al. 2022, where the largest class seen so far stays in too)
//   buffer   rows from memory; all: none. task: those that are not of the row's own task
struct MaskOptions : Options {
  std::string stream = "all", buffer = "all";
  std::optional<double> value;
  void describe(Fields& f) override;
  double logit() const;  // in place of those of hidden classes
};

// A run without tasks, and what all others derive from.
struct ScenarioOptions : Options {
  void describe(Fields&) override {}
  // Null: there are no tasks. Throws Error where the data cannot be cut into them.
  virtual std::unique_ptr<TaskStream> stream(const DataSource&) const { return nullptr; }
};

struct StreamOptions : ScenarioOptions {
  int tasks = 5;
  Choice method;
  StreamOptions();
  virtual const MaskOptions& mask() const;  // none
};

// Every task brings classes of its own; see class_stream().
struct ClassScenarioOptions : StreamOptions {
  std::optional<int> order;
  MaskOptions masked;
  void describe(Fields& f) override;
  std::unique_ptr<TaskStream> stream(const DataSource& source) const override;
  const MaskOptions& mask() const override { return masked; }
};

// Every task has all classes, and the entries of its inputs in an order of its own; see permuted_stream().
struct PermutedScenarioOptions : StreamOptions {
  std::uint64_t seed = 0;
  void describe(Fields& f) override;
  std::unique_ptr<TaskStream> stream(const DataSource& source) const override;
};

// All of them, for configurations.
std::span<const Kind> scenario_kinds();

}  // namespace tempera
