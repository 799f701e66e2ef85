#include "train/decoding.h"

#include <algorithm>

#include "core/ops/slice.h"
#include "layers/rows_of.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "generate";

}  // namespace

Decoding::Decoding(const LanguageModel& language, std::span<const std::int32_t> prompt, Tensor source,
                   const Decoding* like)
    : language_(language),
      tape_(language.threads),
      context_(tape_, language.parameters),
      source_(std::move(source)),
      texts_{{prompt.begin(), prompt.end()}} {
  require(!prompt.empty(), kWho, "the prompt is empty; at least one token was wanted");
  require(language_.window > 0, kWho, "a window of {} tokens came; at least one was wanted", language_.window);
  if (like) context_.freeze(like->context_);
  else context_.freeze();
  read_last(std::min(static_cast<Index>(prompt.size()), language_.window));
}

void Decoding::keep(std::span<const Index> rows) {
  std::vector<std::vector<std::int32_t>> texts;
  for (const Index row : rows) texts.push_back(texts_.at(static_cast<std::size_t>(row)));
  texts_ = std::move(texts);
  state_->reorder(rows);
  source_ = rows_of(source_, rows);
  logits_ = {};
}

void Decoding::append(std::span<const std::int32_t> tokens) {
  require(tokens.size() == texts_.size(), kWho, "{} tokens came for {} rows", tokens.size(), texts_.size());
  for (std::size_t row = 0; row < tokens.size(); ++row) texts_[row].push_back(tokens[row]);
  if (state_->position < language_.window) return step(1);
  read_last(std::max<Index>(1, language_.window / 2));
}

void Decoding::read_last(Index count) {
  const Tape::Pause pause(tape_);
  context_.begin(0, 0);
  ModelInput input;
  input.inputs = source_.defined() ? source_ : Tensor::zeros({rows(), 1}, DType::int32);  // else only its rows count
  state_ = language_.model.make_state(context_, input, language_.window);
  step(count);
}

void Decoding::step(Index count) {
  Tensor next = tape_.empty({rows(), count}, DType::int32);
  for (std::size_t row = 0; row < texts_.size(); ++row)
    std::copy(texts_[row].end() - count, texts_[row].end(),
              next.data<std::int32_t>() + static_cast<Index>(row) * count);
  const Tape::Pause pause(tape_);  // nothing is kept for a backward pass
  context_.begin(0, 0);
  const Var features = language_.model.step(context_, next, *state_);
  const Var logits = language_.head.logits(context_, slice(features, 1, count - 1, 1));
  logits_ = logits.value().reshaped({rows(), logits.shape().back()});
}

}  // namespace tempera
