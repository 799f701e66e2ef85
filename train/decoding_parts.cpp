#include "train/decoding_parts.h"

#include <algorithm>
#include <exception>
#include <numeric>

#include "core/parallel.h"

namespace tempera {
namespace {

constexpr Index kTextsOfAPart = 2;           // fewer share their reading of the weights among threads instead
constexpr Index kWeightsInCache = 16 << 20;  // bytes; more would be read from memory by every part

Index parts_for(const LanguageModel& language, std::size_t prompt, Index rows, std::int64_t tokens) {
  const auto bytes = static_cast<Index>(language.parameters.flat().bytes());
  if (bytes > kWeightsInCache || tokens < static_cast<std::int64_t>(prompt)) return 1;
  return std::clamp<Index>(rows / kTextsOfAPart, 1, language.threads);
}

// f(i) for i < count, each on a thread of its own; what one throws is thrown when all have ended.
template <class F>
void each_part(std::size_t count, F&& f) {
  if (count == 1) return f(0);
  std::vector<std::exception_ptr> thrown(count);
  parallel_panels(static_cast<int>(count), static_cast<Index>(count), 1, [&](Index part, Index) {
    const auto i = static_cast<std::size_t>(part);
    try {
      f(i);
    } catch (...) {
      thrown[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : thrown)
    if (error) std::rethrow_exception(error);
}

}  // namespace

DecodingParts::DecodingParts(const LanguageModel& language, std::span<const std::int32_t> prompt, const Tensor& source,
                             Index rows, std::int64_t tokens)
    : parts_(static_cast<std::size_t>(parts_for(language, prompt.size(), rows, tokens))) {
  LanguageModel own = language;
  if (parts_.size() > 1) own.threads = 1;
  parts_[0] = std::make_unique<Decoding>(own, prompt, source);
  each_part(parts_.size(), [&](std::size_t i) {
    if (i > 0) parts_[i] = std::make_unique<Decoding>(own, prompt, source, parts_[0].get());
  });
  for (Index row = 0; row < rows; ++row) at_.push_back({static_cast<std::size_t>(row * parts() / rows), 0});
}

DecodingParts::Logits DecodingParts::logits(Index row) const {
  const Place& place = at_.at(static_cast<std::size_t>(row));
  return {parts_[place.part]->logits(), place.row};
}

std::size_t DecodingParts::end_of(std::size_t part, std::size_t from) const {
  while (from < at_.size() && at_[from].part == part) ++from;
  return from;
}

void DecodingParts::keep(std::span<const Index> rows) {
  std::vector<Place> kept;
  for (const Index row : rows) kept.push_back(at_.at(static_cast<std::size_t>(row)));
  at_ = std::move(kept);
  forked_ = true;
  std::vector<Index> own;
  for (std::size_t begin = 0; begin < at_.size();) {
    const std::size_t part = at_[begin].part, end = end_of(part, begin);
    own.clear();
    for (std::size_t i = begin; i < end; ++i) {
      own.push_back(at_[i].row);
      at_[i].row = static_cast<Index>(i - begin);
    }
    std::vector<Index> as_before(static_cast<std::size_t>(parts_[part]->rows()));
    std::iota(as_before.begin(), as_before.end(), Index{0});
    if (own != as_before) parts_[part]->keep(own);
    begin = end;
  }
}

void DecodingParts::append(std::span<const std::int32_t> tokens) {
  require(tokens.size() == at_.size(), "generate", "{} tokens came for {} rows", tokens.size(), at_.size());
  if (!forked_) {
    std::vector<Index> all(at_.size());
    std::iota(all.begin(), all.end(), Index{0});
    keep(all);
  }
  each_part(parts_.size(), [&](std::size_t part) {
    const auto first = std::find_if(at_.begin(), at_.end(), [&](const Place& place) { return place.part == part; });
    const auto begin = static_cast<std::size_t>(first - at_.begin());
    if (const std::size_t count = end_of(part, begin) - begin; count > 0)
      parts_[part]->append(tokens.subspan(begin, count));
  });
}

}  // namespace tempera
