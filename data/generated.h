// Tasks that are computed, not read.
#pragma once

#include <functional>

#include "core/random.h"
#include "data/source.h"

namespace tempera {

// A set whose sample i is what `draw` makes of the random numbers of i.
class DrawnSet final : public Dataset {
 public:
  using Draw = std::function<void(const Rng& draws, Batch& out, Index row)>;
  DrawnSet(std::int64_t size, Description description, const Rng& rng, Draw draw)
      : Dataset(size, std::move(description)), rng_(rng), draw_(std::move(draw)) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    draw_(rng_.at_step(static_cast<std::uint64_t>(sample)), out, row);
  }

 private:
  Rng rng_;
  Draw draw_;
};

// `count` distinct numbers in [0, of), each order as likely as the next, by the draws first .. first + count - 1.
std::vector<std::int32_t> draw_distinct(const Rng& draws, std::uint64_t first, int count, int of);

// Sets whose sample i of each part is a function of (seed, part, i): parts of any size cost no memory, and a large
// one makes every batch new.
struct DrawnDataOptions : DataOptions {
  std::int64_t train = 1'000'000'000, valid = 1024, test = 1024;
  std::uint64_t seed = 0;

 protected:
  void describe_parts(Fields& fields);
  // The part "train", "valid" or "test", of that many samples; its draws come from `rng`.
  using MakePart =
      std::function<std::shared_ptr<const Dataset>(std::string_view part, std::int64_t size, const Rng& rng)>;
  std::unique_ptr<DataSource> make_parts(Task task, std::string_view stream, const MakePart& part) const;
};

// Sets of token sequences with shortest .. longest tokens each.
struct DrawnSequencesOptions : DrawnDataOptions {
  DrawnSequencesOptions(int shortest_, int longest_) : shortest(shortest_), longest(longest_) {}
  std::vector<Problem> problems() const override;
  // shortest .. longest, each as likely; the draw at index 0.
  std::size_t drawn_length(const Rng& draws) const;
  int shortest, longest;
};

// Modular arithmetic (Power et al. 2022, "Grokking: generalization beyond overfitting on small algorithmic datasets").
// The target, one of p classes, is c = a op b mod p. The set is every pair (for "/" every pair with b > 0, where p must
// be prime; without `zero` those with a, b > 0), in the order of a, then b; each draws its part by the seed
// (data/split.h).
//   inputs tokens    [3] = a, b, "="; tokens 0 .. p-1 are numbers, p is "="
//          pair      [2] = a, b
//          one_hot   [2 p]: ones at a and p + b, float32, for networks that read numbers (Prieto et al. 2025)
struct ModularDataOptions : DataOptions {
  std::string operation = "+";
  int p = 113;
  bool zero = true;
  std::string inputs = "tokens";
  double train = 0.3;
  double valid = 0;
  std::uint64_t seed = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// a op b mod p in 0 .. p-1, for op in + - * /; a / b is the c with b c = a. Throws Error for another op.
std::int64_t modular(std::int64_t a, std::string_view operation, std::int64_t b, std::int64_t p);

// Sparse parity (Barak et al. 2022, "Hidden progress in deep learning"): inputs [n] are n random bits, as tokens 0 and
// 1 or as numbers; the class is the exclusive or of `relevant` of them, at places drawn by the seed.
struct ParityDataOptions : DrawnDataOptions {
  int bits = 40;
  int relevant = 3;
  std::string inputs = "tokens";
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// The relevant places, ascending.
std::vector<std::int32_t> parity_places(int bits, int relevant, std::uint64_t seed);

// Sequence to sequence: a source of `symbols` kinds of tokens, shortest..longest of them, and what is to be written:
// the source again (copy), from its end to its beginning (reverse), or in ascending order (sort). The vocabulary is
// the symbols, then the begin and the end token.
struct SequenceDataOptions : DrawnSequencesOptions {
  SequenceDataOptions() : DrawnSequencesOptions(1, 12) {}
  std::string task = "reverse";
  int symbols = 10;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

// Pairs of documents that have their topic in common or not (class 1 or 0, each half of the time): the smallest
// relative of the retrieval task of Tay et al. 2021, "Long Range Arena". A topic owns `words` tokens. Of a document's
// tokens, shortest..longest of them, each is drawn from all tokens with probability `noise`, else from the topic's own.
struct TopicPairsDataOptions : DrawnSequencesOptions {
  TopicPairsDataOptions() : DrawnSequencesOptions(8, 24) {}
  int topics = 8, words = 4;
  double noise = 0.5;
  void describe(Fields& fields) override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
