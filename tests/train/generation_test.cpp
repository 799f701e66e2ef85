#include "train/generation.h"

#include "data/text/utf8.h"
#include "data/text/utf8_stream.h"
#include "tests/support/language.h"

using namespace tempera;

namespace {

using Text = std::vector<std::int32_t>;

// Tokens whose bytes are given: pieces of characters among them.
struct PieceTokenizer : Tokenizer {
  explicit PieceTokenizer(std::vector<std::string> pieces_) : pieces(std::move(pieces_)) {}
  Index vocab_size() const override { return static_cast<Index>(pieces.size()); }
  void encode(std::string_view text, Text& out) const override {
    for (const char c : text)
      for (std::size_t i = 0; i < pieces.size(); ++i)
        if (pieces[i] == std::string_view(&c, 1)) out.push_back(static_cast<std::int32_t>(i));
  }
  std::string decode(std::span<const std::int32_t> tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) text += pieces.at(static_cast<std::size_t>(token));
    return text;
  }
  std::string_view kind() const override { return "pieces"; }
  std::string to_json() const override { return "{}"; }
  std::vector<std::string> pieces;
};

GenerationOptions options(std::int64_t tokens, std::int64_t count = 1, double temperature = 1) {
  GenerationOptions o;
  o.tokens = tokens;
  o.count = count;
  o.temperature = temperature;
  return o;
}

}  // namespace

TEST_CASE("samples are functions of the seed and their number", "[generate]") {
  TinyLanguage tiny(5, 6);
  const std::vector<Text> many = sample_tokens(tiny.language, Text{1}, options(20, 4));
  REQUIRE(many.size() == 4);
  CHECK(many[0] != many[1]);
  CHECK(sample_tokens(tiny.language, Text{1}, options(20, 2)) == std::vector<Text>{many[0], many[1]});
  const std::vector<Text> shorter = sample_tokens(tiny.language, Text{1}, options(7, 1));
  CHECK(shorter[0] == Text(many[0].begin(), many[0].begin() + 7));
  GenerationOptions other = options(20, 4);
  other.seed = 2;
  CHECK(sample_tokens(tiny.language, Text{1}, other) != many);
  LanguageModel threads = tiny.language;
  threads.threads = 3;
  CHECK(sample_tokens(threads, Text{1}, options(20, 4)) == many);
}

TEST_CASE("first tokens come as often as the model says, and temperature 0 takes the likeliest", "[generate]") {
  TinyLanguage tiny(5, 6);
  const Text prompt{3, 1};
  const std::vector<double> next = tiny.next(prompt);
  constexpr int kSamples = 5000;
  std::vector<double> counts(5, 0);
  for (const Text& text : sample_tokens(tiny.language, prompt, options(1, kSamples)))
    ++counts[static_cast<std::size_t>(text.at(0))];
  double chi_square = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const double wanted = kSamples * std::exp(next[i]);
    chi_square += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
  }
  CHECK(chi_square < 18.47);  // 0.999 quantile of four degrees of freedom
  Text text = prompt;
  const Text greedy = sample_tokens(tiny.language, prompt, options(4, 1, 0))[0];
  for (const std::int32_t token : greedy) {
    const std::vector<double> p = tiny.next(text);
    CHECK(token == std::max_element(p.begin(), p.end()) - p.begin());
    text.push_back(token);
  }
}

TEST_CASE("samples end by themselves, each at its own time", "[generate]") {
  TinyLanguage tiny(4, 6);
  const std::vector<Text> free = sample_tokens(tiny.language, Text{1}, options(30, 6));
  tiny.language.end = 2;
  const std::vector<Text> ended = sample_tokens(tiny.language, Text{1}, options(30, 6));
  for (std::size_t i = 0; i < free.size(); ++i) {
    const auto end = std::find(free[i].begin(), free[i].end(), 2);
    CHECK(ended[i] == Text(free[i].begin(), end == free[i].end() ? end : end + 1));
  }
  // The callback ends sample 1 after three tokens.
  tiny.language.end = {};
  std::vector<int> seen(6, 0);
  const auto stopped = sample_tokens(tiny.language, Text{1}, options(30, 6), [&](Index sample, std::int32_t) {
    return ++seen[static_cast<std::size_t>(sample)] < 3 || sample != 1;
  });
  CHECK(stopped[1] == Text(free[1].begin(), free[1].begin() + 3));
  CHECK(stopped[0] == free[0]);
  CHECK(seen == std::vector<int>{30, 3, 30, 30, 30, 30});
}

TEST_CASE("streamed text is the decoded whole, and never half a character", "[generate]") {
  TinyLanguage tiny(6, 8);
  const PieceTokenizer tokenizer({"a", "\xC3", "\xA9", "\xF0\x9F", "\x98\x80", "\x98"});
  for (const std::int64_t beams : {1, 3}) {
    GenerationOptions o = options(40, 3);
    o.beams = beams;
    std::vector<std::string> streamed(3);
    const std::vector<std::string> texts =
        write_text(tiny.language, tokenizer, "a", o, [&](Index sample, std::string_view piece) {
          CHECK_FALSE(invalid_utf8(piece));
          CHECK_FALSE(piece.empty());
          streamed[static_cast<std::size_t>(sample)] += piece;
        });
    CHECK(streamed == texts);
    if (beams > 1) continue;
    const std::vector<Text> tokens = sample_tokens(tiny.language, Text{0}, o);
    bool replaced = false, whole = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Utf8Stream stream;
      std::string text = stream.push(tokenizer.decode(tokens[i]));
      text += stream.finish();
      CHECK(texts[i] == text);
      replaced |= text.find("\xEF\xBF\xBD") != std::string::npos;
      whole |= text.find("\xC3\xA9") != std::string::npos;
    }
    CHECK((replaced && whole));  // else the test would show little
  }
}

TEST_CASE("writing ends behind the stop and before the end token", "[generate]") {
  TinyLanguage tiny(4, 8);
  const PieceTokenizer tokenizer({"a", "b", "c", "d"});
  const std::string whole = write_text(tiny.language, tokenizer, "a", options(60))[0];
  REQUIRE(whole.size() == 60);
  GenerationOptions o = options(60);
  o.stop = whole.substr(20, 5);
  CHECK(write_text(tiny.language, tokenizer, "a", o)[0] == whole.substr(0, whole.find(o.stop) + 5));
  tiny.language.end = 3;
  CHECK(write_text(tiny.language, tokenizer, "a", options(60))[0] == whole.substr(0, whole.find('d')));
}

TEST_CASE("contradictions are refused", "[generate][errors]") {
  TinyLanguage tiny(4, 8);
  const PieceTokenizer tokenizer({"a", "b", "c", "d"});
  GenerationOptions o = options(5, 3);
  o.beams = 2;
  CHECK(error_of([&] { write_text(tiny.language, tokenizer, "a", o); }) ==
        "generate: count: 3 texts of 2 beams were asked for; raise beams");
  CHECK(error_of([&] { write_text(tiny.language, tokenizer, "", options(5)); }) ==
        "generate: the prompt is empty; at least one token was wanted");
  CHECK(sample_tokens(tiny.language, Text{1}, options(0, 2)) == std::vector<Text>(2));
}
