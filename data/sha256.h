// SHA-256 (FIPS 180-4): the identity of weights and data, for adversaries too.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/files.h"

namespace tempera {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(Bytes bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  // 64 hexadecimal digits of all that was added; nothing can be added afterwards.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tempera
