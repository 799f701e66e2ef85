// The likeliest continuations of a prompt, by beam search.
//
// Of all continuations of the `beams` best texts the `beams` best are kept at each step. A text that ends, or reaches
// the last step, counts with
//   score = log P(text | prompt) / lp(n),      lp(n) = ((5 + n) / 6)^length_penalty       for n tokens
// (Wu et al. 2016, arXiv 1609.08144, equation 14, without coverage). Among equals the earlier beam wins, then the
// smaller token. With at least V^n beams the search is exhaustive; with one it is greedy.
#pragma once

#include "train/decoding.h"

namespace tempera {

struct BeamOptions {
  std::int64_t tokens = 64;  // at most
  std::int64_t beams = 4;
  double length_penalty = 0;  // 0: none; larger ones favour long texts. Only where texts end by themselves
};

struct Beam {
  std::vector<std::int32_t> tokens;  // behind the prompt; the end token, where it came, is the last
  double log_probability = 0;
  double score = 0;
};

// Best first, at most `beams`. Throws Error unless tokens >= 0, beams >= 1, length_penalty >= 0.
std::vector<Beam> beam_search(const LanguageModel& language, std::span<const std::int32_t> prompt,
                              const BeamOptions& options, const Tensor& source = {});

}  // namespace tempera
