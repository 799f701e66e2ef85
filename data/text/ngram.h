// What counting alone achieves: the loss to print beside that of a language model.
#pragma once

#include <cstdint>
#include <span>

#include "core/shape.h"

namespace tempera {

// Mean of -log p(token | the order - 1 tokens before it) over `valid`, in nats, under an interpolated Kneser-Ney model
// of `train` (Kneser and Ney 1995; Chen and Goodman 1999, "An empirical study of smoothing techniques"):
//   p_k(w | h) = max(c(h w) - D_k, 0) / c(h .) + D_k N(h .) / c(h .) p_{k-1}(w | h')       h' = h without its first
//   token
// down to p_0 = 1 / vocabulary. c counts occurrences at the highest order and, below it, distinct tokens before;
// N(h .) is the number of distinct tokens after h; D_k = n1 / (n1 + 2 n2) where n_i n-grams of order k have count i
// (0.5 where that is undefined). A history never seen leaves it to the shorter one. `order` 1 uses no history. Throws
// Error unless 1 <= order <= 8, tokens are in [0, vocabulary), and neither text is empty.
double ngram_baseline(std::span<const std::int32_t> train, std::span<const std::int32_t> valid, int order,
                      Index vocabulary);

}  // namespace tempera
