// What every attention promises as a part of a transformer block. A check says what it found wrong, and nothing where
// all is well; so a flawed attention can be seen to be caught.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "attention/attention.h"

namespace tempera {

struct AttentionPromise {
  std::string_view name;
  std::string (*broken)(const AttentionOptions& options);
};

std::span<const AttentionPromise> attention_promises();

}  // namespace tempera
