#include "data/text/ngram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace tempera {
namespace {

using Tokens = std::span<const std::int32_t>;

constexpr int kMostOrder = 8;

// (node, token) -> node, by open addressing: a language model of a few million n-grams spends its time here.
class Children {
 public:
  Children() : keys_(1024, kFree), values_(1024) {}
  // The number of a node that is not there yet is `fresh`.
  std::uint32_t get(std::uint32_t node, std::int32_t token, std::uint32_t fresh) {
    if (2 * (count_ + 1) > keys_.size()) grow();
    const std::uint64_t key = key_of(node, token);
    const std::size_t at = slot(key);
    if (keys_[at] == kFree) {
      keys_[at] = key;
      values_[at] = fresh;
      ++count_;
    }
    return values_[at];
  }
  // 0, the root, where there is none.
  std::uint32_t find(std::uint32_t node, std::int32_t token) const {
    const std::size_t at = slot(key_of(node, token));
    return keys_[at] == kFree ? 0 : values_[at];
  }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static std::uint64_t key_of(std::uint32_t node, std::int32_t token) {
    return static_cast<std::uint64_t>(node) << 32 | static_cast<std::uint32_t>(token);
  }
  std::size_t slot(std::uint64_t key) const {
    const std::size_t mask = keys_.size() - 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (keys_[at] != kFree && keys_[at] != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> keys(2 * keys_.size(), kFree);
    std::vector<std::uint32_t> values(2 * keys_.size());
    keys.swap(keys_);
    values.swap(values_);
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (keys[i] != kFree) {
        const std::size_t at = slot(keys[i]);
        keys_[at] = keys[i];
        values_[at] = values[i];
      }
  }
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> values_;
  std::size_t count_ = 0;
};

// An n-gram: node 0 is the empty one, the child of a node by a token appends the token.
struct Node {
  int length = 0;
  std::int64_t count = 0;     // c: occurrences at the highest order, distinct predecessors below
  std::int64_t total = 0;     // c(h .): of the children
  std::int64_t distinct = 0;  // N(h .)
};

class Model {
 public:
  Model(Tokens train, int order, Index vocabulary)
      : order_(order), uniform_(1 / static_cast<double>(vocabulary)), nodes_(1) {
    for (std::size_t i = 0; i < train.size(); ++i) insert(train, i);
    estimate_discounts();
  }

  double probability(Tokens history, std::int32_t token) const {
    double p = uniform_;
    for (std::size_t used = 0; used < static_cast<std::size_t>(order_) && used <= history.size(); ++used) {
      std::uint32_t h = 0;
      for (const std::int32_t t : history.last(used))
        if (h = children_.find(h, t); h == 0) return p;
      const Node& node = nodes_[h];
      if (node.total == 0) return p;
      const std::uint32_t child = children_.find(h, token);
      const double discount = discounts_[used + 1];
      const double count = child == 0 ? 0 : static_cast<double>(nodes_[child].count);
      p = (std::max(count - discount, 0.0) + discount * static_cast<double>(node.distinct) * p) /
          static_cast<double>(node.total);
    }
    return p;
  }

 private:
  // All n-grams that end at token i, the shortest first, so that the suffix of a new one is there already.
  void insert(Tokens train, std::size_t i) {
    std::uint32_t suffix = 0, suffix_parent = 0;
    for (int length = 1; length <= order_ && static_cast<std::size_t>(length) <= i + 1; ++length) {
      std::uint32_t parent = 0;
      const Tokens gram = train.subspan(i + 1 - static_cast<std::size_t>(length), static_cast<std::size_t>(length));
      for (const std::int32_t t : gram.first(gram.size() - 1)) parent = children_.find(parent, t);
      const auto fresh = static_cast<std::uint32_t>(nodes_.size());
      const std::uint32_t node = children_.get(parent, gram.back(), fresh);
      if (node == fresh) {
        nodes_.push_back({.length = length});
        if (length > 1) count(suffix, suffix_parent);  // one more token stands before it
      }
      if (length == order_) count(node, parent);
      suffix = node;
      suffix_parent = parent;
    }
  }

  void count(std::uint32_t node, std::uint32_t parent) {
    if (++nodes_[node].count == 1) ++nodes_[parent].distinct;
    ++nodes_[parent].total;
  }

  void estimate_discounts() {
    std::array<std::array<double, 3>, kMostOrder + 1> having{};
    for (const Node& node : nodes_)
      if (node.count == 1 || node.count == 2)
        ++having[static_cast<std::size_t>(node.length)][static_cast<std::size_t>(node.count)];
    for (std::size_t k = 1; k <= static_cast<std::size_t>(order_); ++k) {
      const auto [unused, once, twice] = having[k];
      discounts_[k] = once > 0 && twice > 0 ? once / (once + 2 * twice) : 0.5;
    }
  }

  int order_;
  double uniform_;
  std::vector<Node> nodes_;
  Children children_;
  std::array<double, kMostOrder + 1> discounts_{};
};

}  // namespace

double ngram_baseline(Tokens train, Tokens valid, int order, Index vocabulary) {
  require(order >= 1 && order <= kMostOrder, "ngram_baseline", "order {} came; 1..{} was wanted", order, kMostOrder);
  require(!train.empty() && !valid.empty(), "ngram_baseline", "{} tokens came to learn from and {} to judge by",
          train.size(), valid.size());
  for (const Tokens tokens : {train, valid})
    for (const std::int32_t t : tokens)
      require(t >= 0 && t < vocabulary, "ngram_baseline", "token {} came; the vocabulary has {}", t, vocabulary);
  const Model model(train, order, vocabulary);
  double sum = 0;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const std::size_t used = std::min(i, static_cast<std::size_t>(order) - 1);
    sum -= std::log(model.probability(valid.subspan(i - used, used), valid[i]));
  }
  return sum / static_cast<double>(valid.size());
}

}  // namespace tempera
