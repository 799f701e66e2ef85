#include "core/fields.h"

#include "core/error.h"
#include "core/nearest.h"

namespace tempera {

Rule at_least(double low) {
  return {.low = low};
}
Rule above(double low) {
  return {.low = low, .open_low = true};
}
Rule between(double low, double high) {
  return {.low = low, .high = high};
}
Rule from_up_to(double low, double high) {
  return {.low = low, .high = high, .open_high = true};
}
Rule one_of(std::vector<std::string_view> choices) {
  return {.choices = std::move(choices)};
}

Choice::Choice(std::span<const Kind> kinds, std::string_view type) : kinds_(kinds) {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  require(choose(type), "Choice", "there is no kind `{}`{}", type, did_you_mean(type, names));
}

bool Choice::choose(std::string_view type) {
  for (const Kind& kind : kinds_)
    if (kind.name == type) {
      if (type_ != type) options_ = kind.make();
      type_ = type;
      return true;
    }
  return false;
}

}  // namespace tempera
