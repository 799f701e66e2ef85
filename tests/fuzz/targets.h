// What reads what strangers write: for each reader a function that is given any bytes. Errors are answers; whatever
// else a reader throws, and whatever a sanitizer says, is a defect.
//
// `./dev fuzz NAME SECONDS` searches; tests/fuzz/corpus/NAME/ holds small inputs that the tests give to the same
// functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tempera {

struct FuzzTarget {
  std::string_view name;
  void (*run)(std::string_view bytes);
};

std::span<const FuzzTarget> fuzz_targets();

// A copy with some bytes changed, removed, doubled or moved; the same for the same seed.
std::string damaged(std::string_view bytes, std::uint64_t seed);

}  // namespace tempera
