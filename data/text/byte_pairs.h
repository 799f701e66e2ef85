// Byte pair encoding over bytes (Sennrich et al. 2016, "Neural machine translation of rare words with subword units";
// Radford et al. 2019): a text is cut into words (data/text/words.h), each word starts as its bytes, and the two
// neighbours whose merge stands first in the list become one token until no merge applies. Any bytes can be encoded.
#pragma once

#include <array>
#include <unordered_map>
#include <utility>

#include "data/text/tokenizer.h"

namespace tempera {

// What defines a tokenizer of byte pairs.
struct BytePairRules {
  std::vector<std::string> tokens;                            // the bytes of token i
  std::vector<std::pair<std::int32_t, std::int32_t>> merges;  // first comes first; the result's bytes are a token too
  std::vector<std::int32_t> specials;                         // tokens that are found in the text as a whole
  bool split_words = true;
  bool space_before = false;  // a space is put before a text that does not begin with one
};

class BytePairs final : public Tokenizer {
 public:
  // Throws Error where a merge names no token, its result is none, two tokens that are not special have the same bytes,
  // or a special one is empty.
  explicit BytePairs(BytePairRules rules);
  // No merges at all: token i is byte i.
  static BytePairs bytes();

  using Tokenizer::decode;
  using Tokenizer::encode;
  Index vocab_size() const override { return static_cast<Index>(rules_.tokens.size()); }
  void encode(std::string_view text, std::vector<std::int32_t>& out) const override;
  std::string decode(std::span<const std::int32_t> tokens) const override;
  std::optional<std::int32_t> special(std::string_view name) const override;
  std::string_view kind() const override { return rules_.merges.empty() ? "bytes" : "byte pairs"; }
  std::string to_json() const override;
  const BytePairRules& rules() const { return rules_; }

 private:
  struct Merge {
    std::int32_t rank, token;
  };
  class Encoder;
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  std::int32_t byte_token(char byte) const;
  void encode_segment(std::string_view text, std::vector<std::int32_t>& out) const;

  BytePairRules rules_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by key(left, right)
  std::array<std::int32_t, 256> byte_tokens_{};      // -1 where a byte has no token
};

struct BytePairOptions {
  Index vocab_size = 1024;  // specials, the 256 bytes, and merges until this many
  std::vector<std::string> specials = {"<|endoftext|>"};
  std::int64_t least = 2;  // a pair that occurs less often is not merged
};

// Learns the merges from a text: again and again the most frequent pair of neighbours, among equals the one whose
// tokens have the lower numbers. Specials come first in the vocabulary, then the bytes in the order of their stand-ins,
// then the merges. The result is that of Hugging Face's BpeTrainer with the same options. Fewer tokens than asked for
// come out where the text has no more pairs. Throws Error when vocab_size has no room for specials and bytes.
BytePairs train_byte_pairs(std::string_view text, const BytePairOptions& options);

}  // namespace tempera
