#include <algorithm>
#include <queue>

#include "core/error.h"
#include "data/text/byte_alphabet.h"
#include "data/text/byte_pairs.h"
#include "data/text/words.h"

namespace tempera {
namespace {

using Pair = std::pair<std::int32_t, std::int32_t>;

std::uint64_t pair_key(const Pair& pair) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.first)) << 32 |
         static_cast<std::uint32_t>(pair.second);
}

struct Word {
  std::vector<std::int32_t> tokens;
  std::int64_t count = 0;
};

struct Candidate {
  std::int64_t count;
  Pair pair;
  bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : pair > o.pair; }
};

// Counts of the pairs of neighbours in all words, kept up to date while pairs are merged.
class Pairs {
 public:
  explicit Pairs(std::vector<Word> words) : words_(std::move(words)) {
    std::vector<Pair> all;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      count(w, +1);
      for (std::size_t i = 0; i + 1 < words_[w].tokens.size(); ++i) {
        all.push_back(pair_at(w, i));
        list(w, i);
      }
    }
    offer(std::move(all));
  }

  // The most frequent pair; the heap's counts may be out of date, and are then put right.
  Candidate top() {
    while (!heap_.empty()) {
      Candidate best = heap_.top();
      heap_.pop();
      const std::int64_t now = stats_[pair_key(best.pair)].count;
      if (now == best.count) return best;
      best.count = now;
      if (now > 0) heap_.push(best);
    }
    return {};
  }

  void merge(const Pair& pair, std::int32_t token) {
    const std::vector<std::size_t> where = std::move(stats_[pair_key(pair)].words);
    std::vector<Pair> fresh;
    for (const std::size_t w : where) {
      count(w, -1);
      std::vector<std::int32_t>& tokens = words_[w].tokens;
      std::size_t to = 0;
      for (std::size_t from = 0; from < tokens.size(); ++to) {
        const bool hit = from + 1 < tokens.size() && Pair(tokens[from], tokens[from + 1]) == pair;
        tokens[to] = hit ? token : tokens[from];
        from += hit ? 2 : 1;
      }
      tokens.resize(to);
      count(w, +1);
      for (std::size_t i = 0; i + 1 < to; ++i) {
        if (tokens[i] != token && tokens[i + 1] != token) continue;
        fresh.push_back(pair_at(w, i));
        list(w, i);
      }
    }
    stats_.erase(pair_key(pair));
    offer(std::move(fresh));
  }

 private:
  struct Stat {
    std::int64_t count = 0;
    std::vector<std::size_t> words;  // where it occurs or occurred
  };
  Pair pair_at(std::size_t w, std::size_t i) const { return {words_[w].tokens[i], words_[w].tokens[i + 1]}; }

  void count(std::size_t w, std::int64_t sign) {
    for (std::size_t i = 0; i + 1 < words_[w].tokens.size(); ++i)
      stats_[pair_key(pair_at(w, i))].count += sign * words_[w].count;
  }
  void list(std::size_t w, std::size_t i) {
    std::vector<std::size_t>& words = stats_[pair_key(pair_at(w, i))].words;
    if (words.empty() || words.back() != w) words.push_back(w);
  }
  void offer(std::vector<Pair> pairs) {
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    for (const Pair& pair : pairs)
      if (const std::int64_t now = stats_[pair_key(pair)].count; now > 0) heap_.push({now, pair});
  }

  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Stat> stats_;
  std::priority_queue<Candidate> heap_;
};

std::vector<Word> count_words(std::string_view text, const std::array<std::int32_t, 256>& byte_tokens) {
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (std::size_t at = 0; at < text.size();) ++counts[next_word(text, at)];
  std::vector<Word> words;
  for (const auto& [bytes, times] : counts) {
    Word word{{}, times};
    for (const char b : bytes) word.tokens.push_back(byte_tokens[static_cast<unsigned char>(b)]);
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

BytePairs train_byte_pairs(std::string_view text, const BytePairOptions& options) {
  const auto wanted = static_cast<std::size_t>(options.vocab_size);
  require(options.vocab_size >= 0 && wanted >= options.specials.size() + 256, "train_byte_pairs",
          "a vocabulary of {} was asked for; {} special tokens and 256 bytes need more", options.vocab_size,
          options.specials.size());
  BytePairRules rules;
  for (const std::string& name : options.specials) {
    rules.specials.push_back(static_cast<std::int32_t>(rules.tokens.size()));
    rules.tokens.push_back(name);
  }
  std::array<std::size_t, 256> order;
  for (std::size_t b = 0; b < order.size(); ++b) order[b] = b;
  std::sort(order.begin(), order.end(), [](auto a, auto b) { return byte_alphabet()[a] < byte_alphabet()[b]; });
  std::array<std::int32_t, 256> byte_tokens{};
  std::unordered_map<std::string, std::int32_t> known;
  const auto add = [&](const std::string& bytes) {
    const auto [entry, fresh] = known.emplace(bytes, static_cast<std::int32_t>(rules.tokens.size()));
    if (fresh) rules.tokens.push_back(bytes);
    return entry->second;
  };
  for (const std::size_t b : order) byte_tokens[b] = add(std::string(1, static_cast<char>(b)));

  Pairs pairs(count_words(text, byte_tokens));
  while (rules.tokens.size() < wanted) {
    const auto [count, pair] = pairs.top();
    if (count < std::max<std::int64_t>(options.least, 1)) break;
    const auto bytes = [&](std::int32_t token) { return rules.tokens[static_cast<std::size_t>(token)]; };
    const std::int32_t token = add(bytes(pair.first) + bytes(pair.second));
    rules.merges.push_back(pair);
    pairs.merge(pair, token);
  }
  return BytePairs(std::move(rules));
}

}  // namespace tempera
