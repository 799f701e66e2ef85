// How widely attention looks, in numbers: for comparing lengths and normalizers.
#pragma once

#include "train/experiment.h"

namespace tempera {

// Of rows of weights w over the n >= 2 keys that a query may see, with p = |w| / sum |w| and 0 log 0 = 0:
//
//   entropy     H = -sum p log p, in nats            0: one key has all; log n: all have the same
//   evenness    H / log n                            the entropy, as a share of what n keys allow
//   top weight  max p
//   zeros       the share of the n weights that are exactly 0
//
// Means over the rows; a row without any weight counts for its zeros alone. In a causal attention query i may see i + 1
// keys.
class AttentionFigures {
 public:
  // weights [B, H, N, M]: every row, or row number `row` of each head.
  void add(const Tensor& weights, bool causal);
  void add_row(const Tensor& weights, bool causal, Index row);

  std::int64_t rows() const { return rows_; }
  double entropy() const;  // nan where there was no row, as the others
  double evenness() const;
  double top_weight() const;
  double zeros() const;

 private:
  std::int64_t rows_ = 0, keys_ = 0, zeros_ = 0;
  double entropy_ = 0, evenness_ = 0, top_weight_ = 0;
};

// attention_entropy, attention_evenness, attention_top_weight and attention_zeros of a model over up to `samples`
// samples, spread evenly over the set. Every attention of the model counts, each head and row; where the model reads
// one token in the end (a class token, the last), of the last attention that token's row alone, since nobody reads the
// others. Empty for models without attention, and where the weights of one sample would take more than 256 MB.
NamedValues attention_figures(Experiment& experiment, const Dataset& set, std::int64_t samples = 16);

}  // namespace tempera
