// Text of tokens that have no other: their numbers, with spaces between them. "3 14 15" are the tokens 3, 14 and 15.
#pragma once

#include "data/text/tokenizer.h"

namespace tempera {

class NumberTokenizer final : public Tokenizer {
 public:
  explicit NumberTokenizer(Index vocabulary) : vocabulary_(vocabulary) {}
  Index vocab_size() const override { return vocabulary_; }
  using Tokenizer::encode;
  // Throws Error where a word is no number below the vocabulary's size.
  void encode(std::string_view text, std::vector<std::int32_t>& out) const override;
  using Tokenizer::decode;
  // A space stands behind each number.
  std::string decode(std::span<const std::int32_t> tokens) const override;
  std::string_view kind() const override { return "numbers"; }
  // Throws Error: there is no such format.
  std::string to_json() const override;

 private:
  Index vocabulary_;
};

}  // namespace tempera
