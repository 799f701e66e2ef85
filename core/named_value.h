// A number with a name: what losses, steps and evaluations report.
#pragma once

#include <string_view>

namespace tempera {

struct NamedValue {
  std::string_view name;
  double value = 0;
};

}  // namespace tempera
