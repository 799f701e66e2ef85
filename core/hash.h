// FNV-1a, 64 bits: a fingerprint of bytes, for names and for telling two runs apart. Not for adversaries.
#pragma once

#include <cstdint>
#include <string_view>

namespace tempera {

//   h = (h xor byte) * prime, byte by byte       (Fowler, Noll, Vo)
constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace tempera
