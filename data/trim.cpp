#include "data/trim.h"

#include <algorithm>

namespace tempera {
namespace {

// The length that tokens [B, N] are cut to.
Index length_of(const Tensor& tokens, const Tensor& lengths) {
  if (!tokens.defined()) return 0;
  if (!lengths.defined() || lengths.size() == 0) return tokens.dim(1);
  const std::int32_t* begin = lengths.data<std::int32_t>();
  const Index longest = std::max<Index>(1, *std::max_element(begin, begin + lengths.size()));
  return std::min(tokens.dim(1), (longest + kTrimmedTo - 1) / kTrimmedTo * kTrimmedTo);
}

bool all_ignored(const Tensor& targets, Index from) {
  const auto rows = targets.mat<std::int32_t>();
  return (rows.rightCols(rows.cols() - from).array() == -1).all();
}

// The first `length` tokens of each sample, [B, N] or [B, N, features].
void cut(Batch& room, const Tensor& from, Index length, Tensor& to) {
  if (!from.defined() || from.dim(1) == length) {
    to = from;
    return;
  }
  room.fit(to, from.shape().with(1, length), from.dtype());
  dispatch_any(from.dtype(), [&]<class T>(Type<T>) {
    const Index before = from.size() / from.dim(0), after = to.size() / from.dim(0);
    for (Index row = 0; row < from.dim(0); ++row)
      std::copy_n(from.data<T>() + row * before, after, to.data<T>() + row * after);
  });
}

}  // namespace

const Batch& trimmed(const Batch& batch, Batch& room) {
  if (!batch.lengths.defined() && !batch.second_lengths.defined()) return batch;
  const Index first = length_of(batch.inputs, batch.lengths),
              second = length_of(batch.second_inputs, batch.second_lengths);
  const bool pairs = batch.second_inputs.defined();
  if (first == batch.inputs.dim(1) && (!pairs || second == batch.second_inputs.dim(1))) return batch;
  const Tensor& written = pairs ? batch.second_inputs : batch.inputs;
  const bool by_token =
      batch.targets.rank() == 2 && batch.targets.dtype() == DType::int32 && batch.targets.dim(1) == written.dim(1);
  const Index targets = pairs ? second : first;
  if (by_token && !all_ignored(batch.targets, targets)) return batch;
  cut(room, batch.inputs, first, room.inputs);
  cut(room, batch.second_inputs, second, room.second_inputs);
  if (by_token) cut(room, batch.targets, targets, room.targets);
  else room.targets = batch.targets;
  room.lengths = batch.lengths;
  room.second_lengths = batch.second_lengths;
  room.ids = batch.ids;
  return room;
}

}  // namespace tempera
