#include "data/text/utf8.h"

#include <fmt/format.h>

namespace tempera {

CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  // 0x80..0xC1 continue a code point or begin an overlong one.
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() - at < length) return {};
  char32_t value = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) return {};
  return {value, length};
}

std::optional<std::size_t> invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point(text, at).length;
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  const auto tail = [&](int shift) { put(0x80u | (code >> shift & 0x3Fu)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0u | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0u | code >> 12);
    tail(6);
  } else {
    put(0xF0u | code >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

std::string shown(char32_t code) {
  std::string text = fmt::format("U+{:04X}", static_cast<std::uint32_t>(code));
  if (code <= 0x20 || (code >= 0x7F && code <= 0xA0)) return text;
  text += " '";
  append_utf8(text, code);
  return text + "'";
}

}  // namespace tempera
