#include "train/early_stopping.h"

#include <cmath>

#include "core/error.h"

namespace tempera {

void EarlyStoppingOptions::describe(Fields& f) {
  f("patience", patience, "evaluations without a better one before training stops", at_least(1));
  f("min_delta", min_delta, "by how much a value must be better to count", at_least(0));
  f("mode", mode, "whether lower or higher is better", one_of({"min", "max"}));
}

EarlyStopping::EarlyStopping(const EarlyStoppingOptions& options) : o_(options) {
  require(o_.mode == "min" || o_.mode == "max", "EarlyStopping", "the mode is '{}'; min or max was wanted", o_.mode);
  require(o_.patience >= 1, "EarlyStopping", "the patience is {}; at least 1 was wanted", o_.patience);
}

bool EarlyStopping::update(std::int64_t step, double value) {
  const double gain = o_.mode == "min" ? state_.best - value : value - state_.best;
  const bool first = std::isnan(state_.best) && !std::isnan(value);
  if (!first && !(gain > o_.min_delta)) {
    ++state_.worse;
    return false;
  }
  state_ = {value, step, 0};
  return true;
}

}  // namespace tempera
