// UTF-8: code points of 1 to 4 bytes; overlong forms, surrogates and values beyond U+10FFFF are invalid (RFC 3629).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tempera {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // bytes; 0: what stands there is not UTF-8
};

// The code point that begins at byte `at` < text.size().
CodePoint code_point(std::string_view text, std::size_t at);

// Offset of the first byte that belongs to no code point.
std::optional<std::size_t> invalid_utf8(std::string_view text);

void append_utf8(std::string& text, char32_t code);

// As it can be shown in a message: "U+00E9 'é'", "U+000A".
std::string shown(char32_t code);

// Unicode's general categories L and N, and the property White_Space.
bool is_letter(char32_t code);
bool is_number(char32_t code);
bool is_space(char32_t code);

}  // namespace tempera
