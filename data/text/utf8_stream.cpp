#include "data/text/utf8_stream.h"

#include "data/text/utf8.h"

namespace tempera {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// How many bytes at the front of `text`, which begins no whole code point, begin one that could still follow.
std::size_t beginning(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte decides between overlong forms, surrogates, values beyond U+10FFFF, and the rest.
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  std::size_t count = 1;
  while (count < length - 1 && count < text.size()) {
    const bool fits = count == 1 ? byte(1) >= low && byte(1) <= high : (byte(count) & 0xC0u) == 0x80u;
    if (!fits) break;
    ++count;
  }
  return count;
}

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  waiting_ += bytes;
  std::string whole;
  std::string_view rest = waiting_;
  while (!rest.empty()) {
    std::size_t length = code_point(rest, 0).length;
    if (length > 0) {
      whole += rest.substr(0, length);
    } else {
      length = beginning(rest);
      if (length == rest.size()) break;
      append_utf8(whole, kReplacement);
      if (length == 0) length = 1;
    }
    rest.remove_prefix(length);
  }
  waiting_.erase(0, waiting_.size() - rest.size());
  return whole;
}

std::string Utf8Stream::finish() {
  std::string text;
  if (!waiting_.empty()) append_utf8(text, kReplacement);
  waiting_.clear();
  return text;
}

}  // namespace tempera
