#include "train/early_stopping.h"

#include <cmath>

#include "core/error.h"
#include "train/better.h"

namespace tempera {

void EarlyStoppingOptions::describe(Fields& f) {
  f("metric", metric, "of the validation set, by which the best checkpoint is chosen too");
  f("patience", patience, "evaluations without a better one before training stops; 0: it never does", at_least(0));
  f("min_delta", min_delta, "by how much a value must be better to count", at_least(0));
  f("mode", mode, "whether lower or higher is better; auto: known by the metric's name",
    one_of({"auto", "min", "max"}));
}

EarlyStopping::EarlyStopping(const EarlyStoppingOptions& options) : o_(options) {
  require(o_.mode == "min" || o_.mode == "max" || o_.mode == "auto", "EarlyStopping",
          "the mode is '{}'; min, max or auto was wanted", o_.mode);
  require(o_.patience >= 0, "EarlyStopping", "the patience is {}; at least 0 was wanted", o_.patience);
  const Better direction = o_.mode == "min" ? Better::lower : o_.mode == "max" ? Better::higher : better(o_.metric);
  require(direction != Better::unknown, "EarlyStopping",
          "nobody knows whether a lower or a higher '{}' is better; set stopping.mode to min or max", o_.metric);
  higher_ = direction == Better::higher;
}

bool EarlyStopping::update(std::int64_t step, double value) {
  const double gain = higher_ ? value - state_.best : state_.best - value;
  const bool first = std::isnan(state_.best) && !std::isnan(value);
  if (!first && !(gain > o_.min_delta)) {
    ++state_.worse;
    return false;
  }
  state_ = {value, step, 0};
  return true;
}

}  // namespace tempera
