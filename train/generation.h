// Text that a language model writes: samples or beams, from token to character.
//
//   const std::vector<std::string> texts =
//       write_text(language, tokenizer, "In the beginning", options, [](Index, std::string_view piece) { print(piece);
//       });
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/fields.h"
#include "data/text/tokenizer.h"
#include "train/decoding.h"

namespace tempera {

struct GenerationOptions : Options {
  std::int64_t tokens = 200;
  double temperature = 0.8;
  std::int64_t top_k = 0;
  double top_p = 1;
  std::int64_t beams = 1;
  double length_penalty = 0;
  std::int64_t count = 1;
  std::string stop;
  std::uint64_t seed = 1;
  void describe(Fields& f) override;
  std::vector<Problem> problems() const override;
};

// Sees each token of each sample as it is drawn; false ends that sample.
using OnToken = std::function<bool(Index sample, std::int32_t token)>;

// `count` continuations of the prompt, drawn side by side (train/token_choice.h). Draw t of sample s is a function of
// (seed, s, t), so further samples change none before. The end token, where it came, is the last. Stop, beams and
// length penalty are not looked at. `source`: see Decoding.
std::vector<std::vector<std::int32_t>> sample_tokens(const LanguageModel& language,
                                                     std::span<const std::int32_t> prompt,
                                                     const GenerationOptions& options, const OnToken& on_token = {},
                                                     const Tensor& source = {});

// Throws Error for a prompt that the model cannot read: an empty one, or a source that is too long.
void check_prompt(const LanguageModel& language, std::span<const std::int32_t> prompt);

// A piece of sample `sample`, whole characters.
using OnText = std::function<void(Index sample, std::string_view piece)>;

// What comes behind the prompt, `count` texts: samples, or with beams > 1 the best by beam search
// (train/beam_search.h), best first. A sample ends behind the text `stop`, if that is given, and before the model's end
// token. An encoder-decoder (LanguageModel::begin) reads the prompt as its source and writes the target, of a window at
// most. The pieces of a sample, one after another, are its text; bytes that are not UTF-8 become U+FFFD in both.
// Throws Error where options contradict each other.
std::vector<std::string> write_text(const LanguageModel& language, const Tokenizer& tokenizer, std::string_view prompt,
                                    const GenerationOptions& options, const OnText& on_text = {});

}  // namespace tempera
