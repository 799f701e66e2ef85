#include "losses/masked_cross_entropy.h"

#include "core/ops/mask.h"

namespace tempera {

Var masked_cross_entropy(const Var& logits, const Tensor& targets, const Tensor& hidden, double m, double normaliser,
                         CrossEntropySums* sums) {
  const Var seen = hidden.defined() ? masked_fill(logits, hidden, m) : logits;
  return cross_entropy(seen, targets, Tensor(), normaliser, CrossEntropyTerms(), sums);
}

}  // namespace tempera
