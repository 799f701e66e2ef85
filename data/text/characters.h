// One token per character (code point of UTF-8).
#pragma once

#include "data/text/tokenizer.h"

namespace tempera {

class Characters final : public Tokenizer {
 public:
  // Token i is characters[i]. Throws Error when one comes twice or is no Unicode scalar value.
  explicit Characters(std::vector<char32_t> characters);
  // The characters of a text, by code point. Throws Error(name) with the offset of the first byte that is not UTF-8.
  static Characters of(std::string_view text, std::string_view name = "text");

  using Tokenizer::decode;
  using Tokenizer::encode;
  Index vocab_size() const override { return static_cast<Index>(characters_.size()); }
  void encode(std::string_view text, std::vector<std::int32_t>& out) const override;
  std::string decode(std::span<const std::int32_t> tokens) const override;
  std::string_view kind() const override { return "characters"; }
  std::string to_json() const override;

 private:
  std::vector<char32_t> characters_;
  std::vector<std::int32_t> tokens_;  // by code point, -1 where there is none
};

}  // namespace tempera
