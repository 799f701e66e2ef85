// Whether a metric is better lower or higher.
#pragma once

#include <string_view>

namespace tempera {

enum class Better { lower, higher, unknown };
// By name: a loss is better lower, an accuracy higher.
Better better(std::string_view metric);

}  // namespace tempera
