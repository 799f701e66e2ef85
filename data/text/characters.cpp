#include "data/text/characters.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/text/utf8.h"

namespace tempera {

Characters::Characters(std::vector<char32_t> characters) : characters_(std::move(characters)) {
  const auto most = std::max_element(characters_.begin(), characters_.end());
  if (most == characters_.end()) return;
  require(*most <= 0x10FFFF, "Characters", "{:#x} is no code point", static_cast<std::uint32_t>(*most));
  tokens_.assign(*most + 1, -1);
  for (std::size_t i = 0; i < characters_.size(); ++i) {
    const char32_t c = characters_[i];
    require(c < 0xD800 || c >= 0xE000, "Characters", "U+{:04X} is half a code point", static_cast<std::uint32_t>(c));
    require(tokens_[c] < 0, "Characters", "{} comes twice in the vocabulary", shown(c));
    tokens_[c] = static_cast<std::int32_t>(i);
  }
}

Characters Characters::of(std::string_view text, std::string_view name) {
  std::vector<bool> seen(0x110000);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    require(c.length > 0, name, "byte {}: {:#04x} is not UTF-8; convert the text, or use a tokenizer of bytes", at,
            static_cast<unsigned char>(text[at]));
    seen[c.value] = true;
    at += c.length;
  }
  std::vector<char32_t> characters;
  for (char32_t c = 0; c < seen.size(); ++c)
    if (seen[c]) characters.push_back(c);
  return Characters(std::move(characters));
}

void Characters::encode(std::string_view text, std::vector<std::int32_t>& out) const {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    require(c.length > 0, "Characters", "byte {} of the text, {:#04x}, is not UTF-8", at,
            static_cast<unsigned char>(text[at]));
    const std::int32_t token = c.value < tokens_.size() ? tokens_[c.value] : -1;
    require(token >= 0, "Characters", "{} at byte {} of the text is none of the {} characters of the vocabulary",
            shown(c.value), at, characters_.size());
    out.push_back(token);
    at += c.length;
  }
}

std::string Characters::decode(std::span<const std::int32_t> tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) {
    require(token >= 0 && token < vocab_size(), "Characters", "token {} came; the vocabulary has {}", token,
            vocab_size());
    append_utf8(text, characters_[static_cast<std::size_t>(token)]);
  }
  return text;
}

std::string Characters::to_json() const {
  using Json = nlohmann::ordered_json;
  Json vocabulary = Json::object();
  for (std::size_t i = 0; i < characters_.size(); ++i) {
    std::string character;
    append_utf8(character, characters_[i]);
    vocabulary.push_back({character, i});
  }
  const Json json = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", Json::array()},
      {"normalizer", nullptr},
      // Every character a word of its own; the dot alone would leave out line breaks.
      {"pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "[\\s\\S]"}}}, {"behavior", "Isolated"}, {"invert", false}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "Fuse"}}},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", ""}}}};
  return json.dump(1, ' ') + "\n";
}

}  // namespace tempera
