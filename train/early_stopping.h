// Which evaluation was the best, and early stopping: has a metric stopped getting better?
#pragma once

#include <limits>
#include <string>

#include "core/fields.h"

namespace tempera {

// A value is better if it beats the best so far by more than min_delta: lower by it (mode min) or higher (mode max);
// mode auto goes by the metric's name. `patience` evaluations in a row without a better one, and training stops; 0:
// never. NaN is never better.
struct EarlyStoppingOptions : Options {
  std::string metric = "loss";
  std::int64_t patience = 0;
  double min_delta = 0;
  std::string mode = "auto";
  void describe(Fields& f) override;
};

class EarlyStopping {
 public:
  // Everything that must be kept to go on.
  struct State {
    double best = std::numeric_limits<double>::quiet_NaN();  // NaN: none yet
    std::int64_t best_step = 0;
    std::int64_t worse = 0;  // evaluations since the best
  };

  // Throws Error where mode auto does not know the metric.
  explicit EarlyStopping(const EarlyStoppingOptions& options);

  // True where the value is the best so far.
  bool update(std::int64_t step, double value);
  bool stop() const { return o_.patience > 0 && state_.worse >= o_.patience; }

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  EarlyStoppingOptions o_;
  bool higher_ = false;  // is better
  State state_;
};

}  // namespace tempera
