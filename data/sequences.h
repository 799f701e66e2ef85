// Samples of tokens whose numbers differ: how they lie in a batch.
#pragma once

#include <span>
#include <vector>

#include "data/dataset.h"

namespace tempera {

// `tokens` into row `row` of [B, N], with `padding` behind them.
void put_tokens(std::span<const std::int32_t> tokens, std::int32_t padding, Tensor& to, Index row);

// Teacher forcing: what is read is the target behind `begin`, what is to be said is the target with `end` behind it;
// targets that are padding are -1 and take no part in the loss. For a target t_0 .. t_{n-1}:
//   second_inputs = begin t_0 .. t_{n-1} 0 ..    targets = t_0 .. t_{n-1} end -1 ..    second_lengths = n + 1
void put_target(std::span<const std::int32_t> target, std::int32_t begin, std::int32_t end, Batch& out, Index row);

// Sequences in memory. `description` says which parts of a sample count.
struct TokenSample {
  std::vector<std::int32_t> inputs, second;  // second: the other text of a pair, or the target
  std::int32_t target = 0;                   // the class, where the targets are no tokens
};

class TokenSamples final : public Dataset {
 public:
  // `begin` and `end` for targets [M], as in put_target; they are not read for classes. Throws Error where a sequence
  // is longer than described.
  TokenSamples(std::vector<TokenSample> samples, Description description, std::int32_t begin = -1,
               std::int32_t end = -1);

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override;

 private:
  std::vector<TokenSample> samples_;
  std::int32_t begin_, end_;
};

}  // namespace tempera
