#include "train/better.h"

#include <algorithm>

namespace tempera {

Better better(std::string_view metric) {
  const auto has = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return metric.find(word) != metric.npos; });
  };
  if (has({"attention_"})) return Better::unknown;
  if (has({"loss", "perplexity", "error", "bits", "bpc", "nll", "mse", "forgetting", "violation"}))
    return Better::lower;
  if (has({"accuracy", "exact", "top", "f1", "precision", "recall", "auc", "score", "transfer"})) return Better::higher;
  return Better::unknown;
}

}  // namespace tempera
