// Every kind of data set a configuration can choose. A kind is one line of the table in table.cpp.
#pragma once

#include <span>

#include "core/fields.h"

namespace tempera {

// The options of each are DataOptions: Choice(dataset_kinds(), "text").as<DataOptions>().make().
std::span<const Kind> dataset_kinds();

}  // namespace tempera
