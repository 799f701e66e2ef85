// Text as numbers, and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace tempera {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  virtual Index vocab_size() const = 0;
  // Appends the tokens of `text`; each is in [0, vocab_size()). Throws Error, with the offset, for text that has none.
  virtual void encode(std::string_view text, std::vector<std::int32_t>& out) const = 0;
  std::vector<std::int32_t> encode(std::string_view text) const;
  // The bytes of the tokens, one after another: decode(encode(text)) == text. Tokens of bytes may cut a character of
  // UTF-8 in two. Throws Error for a token outside the vocabulary.
  virtual std::string decode(std::span<const std::int32_t> tokens) const = 0;
  std::string decode(std::int32_t token) const { return decode(std::span(&token, 1)); }
  // The number of a special token such as "<|endoftext|>".
  virtual std::optional<std::int32_t> special(std::string_view) const { return std::nullopt; }
  // "characters", "bytes", "byte pairs"
  virtual std::string_view kind() const = 0;

  // As tokenizer.json, the format of Hugging Face's library `tokenizers`, which reads it and then gives the same
  // tokens.
  virtual std::string to_json() const = 0;
  void save(const std::filesystem::path& file) const;  // replaces the file as a whole
};

// Reads what to_json() wrote, and any tokenizer.json of the kinds we have: model BPE with the pre-tokenizer ByteLevel,
// or WordLevel on single characters. Its post-processor is left out: no token is put before or after the text. Throws
// Error with the file and what stands in the way.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& file);
std::unique_ptr<Tokenizer> parse_tokenizer(std::string_view json, std::string_view name = "tokenizer.json");

}  // namespace tempera
