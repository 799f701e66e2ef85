#include "data/text/byte_alphabet.h"

#include "data/text/utf8.h"

namespace tempera {
namespace {

constexpr char32_t kBeyond = 256 + 68;  // of all stand-ins

std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> codes{};
  char32_t next = 256;
  for (char32_t b = 0; b < 256; ++b) {
    const bool prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    codes[b] = prints ? b : next++;
  }
  return codes;
}

std::array<int, kBeyond> invert(const std::array<char32_t, 256>& codes) {
  std::array<int, kBeyond> bytes;
  bytes.fill(-1);
  for (std::size_t b = 0; b < codes.size(); ++b) bytes[codes[b]] = static_cast<int>(b);
  return bytes;
}

}  // namespace

const std::array<char32_t, 256>& byte_alphabet() {
  static const std::array<char32_t, 256> codes = make_alphabet();
  return codes;
}

std::string to_alphabet(std::string_view bytes) {
  std::string text;
  for (const char b : bytes) append_utf8(text, byte_alphabet()[static_cast<unsigned char>(b)]);
  return text;
}

std::optional<std::string> from_alphabet(std::string_view text) {
  static const std::array<int, kBeyond> bytes = invert(byte_alphabet());
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    if (c.length == 0 || c.value >= kBeyond || bytes[c.value] < 0) return std::nullopt;
    result.push_back(static_cast<char>(bytes[c.value]));
    at += c.length;
  }
  return result;
}

}  // namespace tempera
