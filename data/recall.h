// Associative recall: keys were seen with values, and a key asks for its value again.
#pragma once

#include "data/generated.h"

namespace tempera {

// `pairs` tokens, each a key and a value at once, and one more that asks for one of the keys; the answer is its value.
// Numbers rather than tokens, so that a linear layer gives a pair the sum of a key's and a value's embedding:
//   inputs float32 [pairs + 1, keys + values + keys]
//          pair i: ones at k_i and keys + v_i; the last row: a one at keys + values + k, k one of the k_i
//   targets int32 [], of `values` classes
// Keys are distinct, `pairs` of `keys`. One layer of attention without positions solves it, so it measures how
// selective an attention is. Of the test's samples the share `unanswerable` asks for a key that was not shown: their
// target is -1, and what a model thinks of them is told by `evaluate.abstention`.
struct PairRecallDataOptions : DrawnDataOptions {
  int pairs = 24, keys = 48, values = 8;
  double unanswerable = 0;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;

 protected:
  void describe_pairs(Fields& fields);
};

// The same for causal models, with a question for every pair: `pairs` tokens of a key and a value each, then the keys
// again, alone and in another order; at each of those the answer is the value of the key.
//   inputs float32 [2 pairs, keys + values + keys], targets int32 [2 pairs], -1 at the pairs
// A recurrence must hold all pairs in its state: a measure of the state's size (after the multi-query recall of
// Sieber et al. 2024, "Understanding the differences in foundation models").
struct FusedRecallDataOptions : PairRecallDataOptions {
  FusedRecallDataOptions() {
    pairs = 12;
    keys = values = 32;
  }
  void describe(Fields& fields) override { describe_pairs(fields); }
  std::unique_ptr<DataSource> make() const override;
};

// Multi-query associative recall (Arora et al. 2024, "Zoology"): first `pairs` keys, each with its value behind it;
// then each key once more, at an even distance, and there its value is to be said.
//   inputs int32 [length]: k_1 v_1 k_2 v_2 .. filler .. k_i .. filler       keys 1 .. V/2-1, values V/2 .. V-1
//   targets int32 [length]: the value at the second place of its key, -1 elsewhere
// Key i stands again at 2 pairs + 2 g_i, with distinct g_i in [0, (length - 2 pairs) / 2), drawn one after another with
// probability in proportion to (g + 1)^(power - 1): power 1 is uniform, near 0 they come soon. The filler is token 0,
// or any token.
struct AssociativeRecallDataOptions : DrawnDataOptions {
  int length = 64, pairs = 4, vocabulary = 64;
  double power = 0.01;
  std::string filler = "zero";
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

// A needle in a haystack: filler, in which `needles` keys with their values behind them lie somewhere; the last token
// asks for one of the keys, and its value is the answer.
//   inputs int32 [length]: values are tokens 0 .. values-1, then keys, then fillers
//   targets int32 [length]: the value at the last token, -1 elsewhere
// The needle that is asked for lies where `from` to `to` of the haystack are before it; the others lie anywhere. Chance
// is 1 / values. Needles keep even places, so that they never overlap.
struct NeedleDataOptions : DrawnDataOptions {
  int length = 64, needles = 1, keys = 8, values = 8, fillers = 16;
  double from = 0, to = 1;
  void describe(Fields& fields) override;
  std::vector<Problem> problems() const override;
  std::unique_ptr<DataSource> make() const override;
};

}  // namespace tempera
