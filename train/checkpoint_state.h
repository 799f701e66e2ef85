// state.json of a checkpoint:
//
//   {"step": 500, "seed": 1, "config": "4f0c91ab", "numbers": {"best": "3fe0000000000000"}}
//
// Numbers are the bits of doubles as 16 hexadecimal digits: decimals would round or lose infinities. Other keys are
// passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "train/checkpoint.h"

namespace tempera {

std::string format_state(const CheckpointState& state);
// Nothing where the text is no such state.
std::optional<CheckpointState> parse_state(std::string_view text);

}  // namespace tempera
