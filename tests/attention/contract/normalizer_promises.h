// What every normalizer promises, in every form that computes it. A check says what it found wrong, and nothing where
// all is well; so a flawed normalizer can be seen to be caught.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "attention/normalizer.h"

namespace tempera {

struct NormalizerPromise {
  std::string_view name;
  std::string (*broken)(const ScoreNormalizer& normalizer);
};

std::span<const NormalizerPromise> normalizer_promises();

// For a normalizer of one head: whether 8192 tokens, forward and backward, take more than 24 MB.
std::string matrix_in_memory(const ScoreNormalizer& normalizer);

}  // namespace tempera
