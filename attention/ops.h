// The operations of attention, for the tests and the gradient check; those of core are in core/ops/table.h.
#pragma once

#include <span>

#include "core/op.h"

namespace tempera {

std::span<const Op* const> attention_ops();

}  // namespace tempera
