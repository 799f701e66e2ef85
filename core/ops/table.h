// Every operation of core/, for the tests, the gradient check and the documentation.
#pragma once

#include <span>

#include "core/op.h"

namespace tempera {

std::span<const Op* const> all_ops();
// Throws Error with the nearest name when there is none.
const Op& find_op(std::string_view name);

}  // namespace tempera
