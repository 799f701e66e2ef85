#include "data/sequences.h"

#include <algorithm>

namespace tempera {

void put_tokens(std::span<const std::int32_t> tokens, std::int32_t padding, Tensor& to, Index row) {
  const Index width = to.dim(1);
  std::int32_t* at = to.data<std::int32_t>() + row * width;
  std::fill(std::copy(tokens.begin(), tokens.end(), at), at + width, padding);
}

void put_target(std::span<const std::int32_t> target, std::int32_t begin, std::int32_t end, Batch& out, Index row) {
  const Index width = out.targets.dim(1), count = std::ssize(target);
  std::int32_t* const read = out.second_inputs.data<std::int32_t>() + row * width;
  std::int32_t* const said = out.targets.data<std::int32_t>() + row * width;
  *read = begin;
  std::fill(std::copy(target.begin(), target.end(), read + 1), read + width, 0);
  put_tokens(target, -1, out.targets, row);
  said[count] = end;
  out.second_lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(count + 1);
}

TokenSamples::TokenSamples(std::vector<TokenSample> samples, Description description, std::int32_t begin,
                           std::int32_t end)
    : Dataset(std::ssize(samples), std::move(description)), samples_(std::move(samples)), begin_(begin), end_(end) {
  const Description& d = this->description();
  require(d.lengths, "TokenSamples", "the description has no lengths; sequences in memory have some");
  const bool pairs = d.second_inputs.rank() > 0, written = d.targets.rank() > 0;
  require(!written || (pairs && d.targets == d.second_inputs), "TokenSamples",
          "targets {} came for second inputs {}; a target that is written is also read", d.targets, d.second_inputs);
  for (const TokenSample& s : samples_) {
    require(std::ssize(s.inputs) <= d.inputs[0], "TokenSamples", "a sequence has {} tokens; at most {} were described",
            s.inputs.size(), d.inputs[0]);
    const Index room = pairs ? d.second_inputs[0] - (written ? 1 : 0) : 0;
    require(std::ssize(s.second) <= room, "TokenSamples", "a second sequence has {} tokens; there is room for {}",
            s.second.size(), room);
  }
}

void TokenSamples::put(std::int64_t sample, Index row, Batch& out) const {
  const TokenSample& s = samples_[static_cast<std::size_t>(sample)];
  put_tokens(s.inputs, 0, out.inputs, row);
  out.lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(s.inputs.size());
  if (description().targets.rank() > 0) return put_target(s.second, begin_, end_, out, row);
  out.targets.data<std::int32_t>()[row] = s.target;
  if (description().second_inputs.rank() == 0) return;
  put_tokens(s.second, 0, out.second_inputs, row);
  out.second_lengths.data<std::int32_t>()[row] = static_cast<std::int32_t>(s.second.size());
}

}  // namespace tempera
