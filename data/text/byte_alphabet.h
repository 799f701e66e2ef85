// GPT-2's printable stand-ins for bytes: tokenizer.json writes a token as one character per byte.
//
// Bytes that print ('!'..'~', U+00A1..U+00AC, U+00AE..U+00FF) stand for themselves, the 68 others become U+0100,
// U+0101,
// ... in order: a space is U+0120.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tempera {

// Code point of each byte.
const std::array<char32_t, 256>& byte_alphabet();

std::string to_alphabet(std::string_view bytes);                  // in UTF-8
std::optional<std::string> from_alphabet(std::string_view text);  // nothing where a character is no stand-in

}  // namespace tempera
