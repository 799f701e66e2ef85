// The next token, drawn from the logits x of one position.
//
//   p_i = exp(x_i / T) / sum_j exp(x_j / T)        over the tokens that are kept:
//   top_k   the k largest logits, of equals the first (Fan et al. 2018, arXiv 1805.04833)
//   top_p   of those the likeliest, as few as hold at least the share p of their probability (Holtzman et al. 2020,
//           arXiv 1904.09751)
// T = 0 takes the largest logit, the first of equals.
//
// With V tokens O(V); with top_k one reading of the row (core/kernels/top_k.h), or O(V + k log k) for many; with
// top_p alone O(V + m log V) for the m tokens that are kept.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/top_k.h"
#include "core/tensor.h"

namespace tempera {

struct TokenChoiceOptions {
  double temperature = 0.8;
  std::int64_t top_k = 0;  // 0: all
  double top_p = 1;
};

class TokenChoice {
 public:
  // Throws Error unless temperature >= 0, top_k >= 0, and top_p is in (0, 1].
  TokenChoice(const TokenChoiceOptions& options, Index vocabulary);

  struct Candidate {
    double logit = 0, weight = 0;  // weight: not normalised
    std::int32_t token = 0;
  };
  // The tokens that are kept, from row `row` of logits [.., V]; valid until the next call. Throws Error for another
  // vocabulary, NonFiniteError for a NaN, +infinity, or nothing but -infinity.
  std::span<const Candidate> kept(const Tensor& logits, Index row);

  // The token at the share u in [0, 1) of what is kept. Allocates nothing.
  std::int32_t draw(const Tensor& logits, Index row, double u);

 private:
  void read(const Tensor& logits, Index row);
  std::span<Candidate> largest(const Tensor& logits, Index row, Index k);  // in order
  std::span<const Candidate> first_k(std::span<Candidate> kept) const;
  std::span<const Candidate> nucleus();
  double weigh(std::span<Candidate> candidates) const;  // sets the weights, returns their sum

  TokenChoiceOptions o_;
  std::vector<Candidate> all_;         // [V]
  std::vector<kernels::Ranked> list_;  // of the largest, where they are few
  double largest_ = 0;
};

}  // namespace tempera
