// The one exception type of the library, and the check that throws it.
//
// Every message names its sender, what came, what was wanted, and how to mend it:
//   require(a == b, "matmul", "inner extents differ: a is {}, b is {}; transpose one of them", ...)
#pragma once

#include <fmt/format.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tempera {

// Bad input to the library: a shape, a type, an axis, a file. what() is "<who>: <message>".
class Error : public std::runtime_error {
 public:
  Error(std::string_view who, std::string_view message);
  const std::string& who() const { return who_; }

 private:
  std::string who_;
};

// Throws Error(who, formatted message).
template <class... Args>
[[noreturn]] void fail(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(who, fmt::format(text, std::forward<Args>(args)...));
}

// Throws Error unless `holds`; the message is only formatted then.
template <class... Args>
void require(bool holds, std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) [[unlikely]]
    fail(who, text, std::forward<Args>(args)...);
}

}  // namespace tempera
