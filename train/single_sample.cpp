#include "train/single_sample.h"

#include <algorithm>

namespace tempera {
namespace {

// Tokens [1, N] and vectors [1, N, features].
bool is_sequence(const Tensor& x) {
  return x.defined() && (x.rank() == 3 || (x.rank() == 2 && x.dtype() == DType::int32));
}

Tensor cut(const Tensor& tokens, const Tensor& lengths, Index most) {
  if (!is_sequence(tokens)) return tokens;
  const Index own = lengths.defined() ? static_cast<Index>(lengths.at(0)) : tokens.dim(1);
  return tokens.view(0, tokens.shape().with(1, std::clamp<Index>(own, 1, most)));
}

}  // namespace

ModelInput single_sample(const ModelLearner& learner, const Dataset& set, std::int64_t sample, Index most_tokens) {
  Batch batch;
  set.fill(std::span(&sample, 1), batch);
  ModelInput input = learner.input(batch, nullptr);
  input.inputs = cut(input.inputs, input.lengths, most_tokens);
  input.second_inputs = cut(input.second_inputs, input.second_lengths, most_tokens);
  input.lengths = input.second_lengths = Tensor();
  return input;
}

}  // namespace tempera
