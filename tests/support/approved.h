// Texts that a user sees, approved by a reader and kept whole under tests/approved/.
#pragma once

#include <string>
#include <string_view>

namespace tempera {

// Compares `text` with the file tests/approved/<name>. Empty when they are equal, else the lines that differ and how to
// accept the new text: run the tests again with TEMPERA_APPROVE=1 in the environment, which writes the file.
std::string approval_difference(std::string_view name, std::string_view text);

}  // namespace tempera

#define CHECK_APPROVED(name, text)                                                  \
  do {                                                                              \
    const std::string difference_ = ::tempera::approval_difference((name), (text)); \
    INFO(difference_);                                                              \
    CHECK(difference_.empty());                                                     \
  } while (false)
