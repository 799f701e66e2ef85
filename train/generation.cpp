#include "train/generation.h"

#include <algorithm>
#include <numeric>

#include "data/text/utf8_stream.h"
#include "train/beam_search.h"
#include "train/decoding_parts.h"
#include "train/token_choice.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "generate";

// The texts of a number of samples as their tokens come.
class Texts {
 public:
  Texts(const LanguageModel& language, const Tokenizer& tokenizer, const std::string& stop, const OnText& on_text,
        std::int64_t count)
      : end_(language.end),
        tokenizer_(tokenizer),
        stop_(stop),
        on_text_(on_text),
        streams_(static_cast<std::size_t>(count)),
        texts_(streams_.size()) {}

  // False when the sample is at its end.
  bool add(Index sample, std::int32_t token) {
    if (token == end_) return false;
    const auto i = static_cast<std::size_t>(sample);
    const std::size_t before = texts_[i].size();
    give(sample, streams_[i].push(tokenizer_.decode(token)));
    if (stop_.empty()) return true;
    // Only a stop that the new piece completes can be there.
    return texts_[i].find(stop_, before - std::min(before, stop_.size() - 1)) == std::string::npos;
  }

  std::vector<std::string> finish() {
    for (std::size_t i = 0; i < streams_.size(); ++i) give(static_cast<Index>(i), streams_[i].finish());
    return std::move(texts_);
  }

 private:
  void give(Index sample, const std::string& piece) {
    if (piece.empty()) return;
    texts_[static_cast<std::size_t>(sample)] += piece;
    if (on_text_) on_text_(sample, piece);
  }

  std::optional<std::int32_t> end_;
  const Tokenizer& tokenizer_;
  const std::string& stop_;
  const OnText& on_text_;
  std::vector<Utf8Stream> streams_;
  std::vector<std::string> texts_;
};

// What a text begins with, and what is read beside it.
struct Opening {
  std::vector<std::int32_t> read;
  Tensor source;
};
Opening opening(const LanguageModel& language, std::vector<std::int32_t> prompt) {
  if (!language.begin) return {std::move(prompt), {}};
  check_prompt(language, prompt);
  const auto length = static_cast<Index>(prompt.size());
  return {{*language.begin}, Tensor::from<std::int32_t>({1, length}, std::span<const std::int32_t>(prompt))};
}

}  // namespace

void GenerationOptions::describe(Fields& f) {
  Rule share = above(0);
  share.high = 1;
  f("tokens", tokens, "tokens to write", at_least(0));
  f("temperature", temperature, "of the draws; 0 takes the likeliest token", at_least(0));
  f("top_k", top_k, "draw among so many of the likeliest tokens; 0: all", at_least(0));
  f("top_p", top_p, "draw among the likeliest tokens that hold this share of the probability", share);
  f("beams", beams, "texts that beam search keeps, which draws nothing; 1: no beam search", at_least(1));
  f("length_penalty", length_penalty, "of beam search: its scores are divided by ((5 + n) / 6)^length_penalty",
    at_least(0));
  f("count", count, "texts to write", at_least(1));
  f("stop", stop, "a text behind which the writing ends; empty: none");
  f("seed", seed, "of the draws");
}

std::vector<Problem> GenerationOptions::problems() const {
  if (beams > 1 && count > beams)
    return {{"count", fmt::format("{} texts of {} beams were asked for; raise beams", count, beams)}};
  return {};
}

std::vector<std::vector<std::int32_t>> sample_tokens(const LanguageModel& language,
                                                     std::span<const std::int32_t> prompt,
                                                     const GenerationOptions& options, const OnToken& on_token,
                                                     const Tensor& source) {
  std::vector<std::vector<std::int32_t>> samples(static_cast<std::size_t>(options.count));
  if (options.tokens == 0 || options.count == 0) return samples;
  DecodingParts texts(language, prompt, source, options.count, options.tokens);
  TokenChoice choice({options.temperature, options.top_k, options.top_p}, texts.logits(0).all.dim(1));
  std::vector<Index> alive(samples.size());  // sample alive[i] is row i
  std::iota(alive.begin(), alive.end(), Index{0});
  std::vector<Index> going, kept;
  std::vector<std::int32_t> tokens;
  for (std::int64_t t = 0; t < options.tokens && !alive.empty(); ++t) {
    going.clear(), kept.clear(), tokens.clear();
    for (std::size_t i = 0; i < alive.size(); ++i) {
      const Index sample = alive[i];
      const Rng rng(options.seed, "generate", static_cast<std::uint64_t>(sample));
      const auto [logits, row] = texts.logits(static_cast<Index>(i));
      const std::int32_t token = choice.draw(logits, row, rng.uniform(static_cast<std::uint64_t>(t)));
      samples[static_cast<std::size_t>(sample)].push_back(token);
      const bool goes_on = !on_token || on_token(sample, token);
      if (!goes_on || token == language.end) continue;
      going.push_back(sample);
      kept.push_back(static_cast<Index>(i));
      tokens.push_back(token);
    }
    std::swap(alive, going);
    if (alive.empty() || t + 1 == options.tokens) break;
    if (static_cast<Index>(kept.size()) != texts.rows()) texts.keep(kept);
    texts.append(tokens);
  }
  return samples;
}

void check_prompt(const LanguageModel& language, std::span<const std::int32_t> prompt) {
  require(!prompt.empty(), kWho, "the prompt is empty; at least one token was wanted");
  const auto length = static_cast<Index>(prompt.size());
  require(!language.begin || length <= language.source_window, kWho,
          "the prompt is a source of {} tokens; this model reads at most {}", length, language.source_window);
}

std::vector<std::string> write_text(const LanguageModel& language, const Tokenizer& tokenizer, std::string_view prompt,
                                    const GenerationOptions& options, const OnText& on_text) {
  for (const Problem& problem : options.problems()) fail(kWho, "{}: {}", problem.key, problem.message);
  const auto [read, source] = opening(language, tokenizer.encode(prompt));
  GenerationOptions own = options;
  if (source.defined()) own.tokens = std::min<std::int64_t>(own.tokens, language.window);
  if (options.beams == 1) {
    Texts texts(language, tokenizer, options.stop, on_text, options.count);
    const auto add = [&](Index sample, std::int32_t token) { return texts.add(sample, token); };
    sample_tokens(language, read, own, add, source);
    return texts.finish();
  }
  const std::vector<Beam> beams =
      beam_search(language, read, {own.tokens, options.beams, options.length_penalty}, source);
  const Index count = std::min(static_cast<Index>(beams.size()), options.count);
  Texts texts(language, tokenizer, options.stop, on_text, count);
  for (Index i = 0; i < count; ++i)
    for (const std::int32_t token : beams[static_cast<std::size_t>(i)].tokens)
      if (!texts.add(i, token)) break;
  return texts.finish();
}

}  // namespace tempera
