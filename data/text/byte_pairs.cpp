#include "data/text/byte_pairs.h"

#include <algorithm>
#include <queue>

#include "core/error.h"
#include "data/text/words.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "BytePairs";

// Finds the special tokens of a text one after another: the leftmost, among those at one place the longest.
class SpecialFinder {
 public:
  SpecialFinder(std::string_view text, const BytePairRules& rules) : text_(text), rules_(rules) {
    for (const std::int32_t token : rules.specials) next_.emplace_back(text.find(name(token)), token);
  }
  // {place, token} at or after `at`; place is npos when there is none.
  std::pair<std::size_t, std::int32_t> find(std::size_t at) {
    std::pair<std::size_t, std::int32_t> best{std::string_view::npos, -1};
    for (auto& [place, token] : next_) {
      if (place < at) place = text_.find(name(token), at);
      if (place == std::string_view::npos) continue;
      if (place < best.first || (place == best.first && name(token).size() > name(best.second).size()))
        best = {place, token};
    }
    return best;
  }

 private:
  const std::string& name(std::int32_t token) const { return rules_.tokens[static_cast<std::size_t>(token)]; }
  std::string_view text_;
  const BytePairRules& rules_;
  std::vector<std::pair<std::size_t, std::int32_t>> next_;
};

}  // namespace

// Encodes words and keeps its working memory between them.
class BytePairs::Encoder {
 public:
  explicit Encoder(const BytePairs& owner) : owner_(owner) {}

  // The tokens of a word form a list; a heap gives the merge of lowest rank, leftmost first. n log n, also for a word
  // of a million letters.
  void encode(std::string_view word, std::vector<std::int32_t>& out) {
    if (owner_.merges_.empty()) {
      for (const char byte : word) out.push_back(owner_.byte_token(byte));
      return;
    }
    list_.clear();
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto place = static_cast<std::int64_t>(i);
      list_.push_back({owner_.byte_token(word[i]), place - 1, i + 1 < word.size() ? place + 1 : -1});
    }
    for (std::size_t i = 0; i + 1 < list_.size(); ++i) offer(static_cast<std::int64_t>(i));
    while (!heap_.empty()) {
      const Candidate c = heap_.top();
      heap_.pop();
      Link& left = link(c.place);
      // A candidate is stale when one of its tokens has been merged since.
      if (left.token != c.left || left.next < 0 || link(left.next).token != c.right) continue;
      Link& right = link(left.next);
      left.token = c.token;
      right.token = -1;
      left.next = right.next;
      if (left.next >= 0) link(left.next).previous = c.place;
      offer(c.place);
      if (left.previous >= 0) offer(left.previous);
    }
    for (std::int64_t i = list_.empty() ? -1 : 0; i >= 0; i = link(i).next) out.push_back(link(i).token);
  }

 private:
  struct Link {
    std::int32_t token;
    std::int64_t previous, next;
  };
  struct Candidate {
    std::int32_t rank, left, right, token;
    std::int64_t place;
    bool operator<(const Candidate& o) const { return rank != o.rank ? rank > o.rank : place > o.place; }
  };
  Link& link(std::int64_t place) { return list_[static_cast<std::size_t>(place)]; }
  void offer(std::int64_t place) {
    const Link& left = link(place);
    if (left.next < 0) return;
    const std::int32_t right = link(left.next).token;
    const auto found = owner_.merges_.find(key(left.token, right));
    if (found != owner_.merges_.end()) heap_.push({found->second.rank, left.token, right, found->second.token, place});
  }

  const BytePairs& owner_;
  std::vector<Link> list_;
  std::priority_queue<Candidate> heap_;
};

BytePairs::BytePairs(BytePairRules rules) : rules_(std::move(rules)) {
  const auto count = static_cast<std::int32_t>(rules_.tokens.size());
  std::vector<bool> special(rules_.tokens.size());
  for (const std::int32_t token : rules_.specials) {
    require(token >= 0 && token < count, kWho, "special token {} is outside the vocabulary of {}", token, count);
    require(!rules_.tokens[static_cast<std::size_t>(token)].empty(), kWho, "special token {} is empty", token);
    special[static_cast<std::size_t>(token)] = true;
  }
  std::unordered_map<std::string_view, std::int32_t> by_bytes;
  byte_tokens_.fill(-1);
  for (std::int32_t token = 0; token < count; ++token) {
    if (special[static_cast<std::size_t>(token)]) continue;
    const std::string& bytes = rules_.tokens[static_cast<std::size_t>(token)];
    const auto [other, fresh] = by_bytes.emplace(bytes, token);
    require(fresh, kWho, "tokens {} and {} stand for the same bytes", other->second, token);
    if (bytes.size() == 1) byte_tokens_[static_cast<unsigned char>(bytes[0])] = token;
  }
  for (std::size_t rank = 0; rank < rules_.merges.size(); ++rank) {
    const auto [left, right] = rules_.merges[rank];
    require(std::min(left, right) >= 0 && std::max(left, right) < count, kWho,
            "merge {} is of tokens {} and {}; the vocabulary has {}", rank, left, right, count);
    const std::string bytes =
        rules_.tokens[static_cast<std::size_t>(left)] + rules_.tokens[static_cast<std::size_t>(right)];
    const auto result = by_bytes.find(bytes);
    require(result != by_bytes.end(), kWho, "merge {} of tokens {} and {} gives no token of the vocabulary", rank, left,
            right);
    merges_.emplace(key(left, right), Merge{static_cast<std::int32_t>(rank), result->second});
  }
}

std::int32_t BytePairs::byte_token(char byte) const {
  const std::int32_t token = byte_tokens_[static_cast<unsigned char>(byte)];
  require(token >= 0, kWho, "the vocabulary has no token for the byte {:#04x}", static_cast<unsigned char>(byte));
  return token;
}

BytePairs BytePairs::bytes() {
  BytePairRules rules;
  for (int b = 0; b < 256; ++b) rules.tokens.emplace_back(1, static_cast<char>(b));
  rules.split_words = false;
  return BytePairs(std::move(rules));
}

void BytePairs::encode(std::string_view text, std::vector<std::int32_t>& out) const {
  SpecialFinder specials(text, rules_);
  for (std::size_t at = 0; at < text.size();) {
    const auto [place, token] = specials.find(at);
    encode_segment(text.substr(at, place - at), out);
    if (token < 0) return;
    out.push_back(token);
    at = place + rules_.tokens[static_cast<std::size_t>(token)].size();
  }
}

void BytePairs::encode_segment(std::string_view text, std::vector<std::int32_t>& out) const {
  if (text.empty()) return;
  std::string spaced;
  if (rules_.space_before && text.front() != ' ') {
    spaced.push_back(' ');
    text = spaced.append(text);
  }
  Encoder encoder(*this);
  if (merges_.empty() || !rules_.split_words) return encoder.encode(text, out);
  // Where the tokens of a word that came before stand in `out`.
  std::unordered_map<std::string_view, std::pair<std::size_t, std::size_t>> seen;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view word = next_word(text, at);
    const auto [entry, fresh] = seen.emplace(word, std::pair(out.size(), std::size_t{0}));
    auto& [first, count] = entry->second;
    if (fresh) {
      encoder.encode(word, out);
      count = out.size() - first;
    } else {
      for (std::size_t i = 0; i < count; ++i) out.push_back(out[first + i]);
    }
  }
}

std::string BytePairs::decode(std::span<const std::int32_t> tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) {
    require(token >= 0 && token < vocab_size(), kWho, "token {} came; the vocabulary has {}", token, vocab_size());
    text += rules_.tokens[static_cast<std::size_t>(token)];
  }
  return text;
}

std::optional<std::int32_t> BytePairs::special(std::string_view name) const {
  for (const std::int32_t token : rules_.specials)
    if (rules_.tokens[static_cast<std::size_t>(token)] == name) return token;
  return std::nullopt;
}

}  // namespace tempera
