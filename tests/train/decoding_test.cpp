#include "train/decoding.h"

#include "layers/encoder_decoder.h"
#include "tests/support/language.h"
#include "train/decoding_parts.h"

using namespace tempera;

namespace {

using Text = std::vector<std::int32_t>;

// What the model has in view: the text since the state was last made anew.
struct View {
  Text text;
  std::size_t begin = 0;
  void append(std::int32_t token, std::size_t window) {
    const bool full = text.size() - begin >= window;
    text.push_back(token);
    if (full) begin = text.size() - window / 2;
  }
  std::span<const std::int32_t> seen() const { return std::span(text).subspan(begin); }
};

void check_logits(TinyLanguage& tiny, const Decoding& decoding, const std::vector<View>& views) {
  REQUIRE(decoding.logits().shape() == Shape{static_cast<Index>(views.size()), tiny.vocabulary});
  for (std::size_t row = 0; row < views.size(); ++row) {
    CHECK(decoding.text(static_cast<Index>(row)) == views[row].text);
    const std::vector<double> wanted = tiny.next(views[row].seen());
    const Index at = static_cast<Index>(row) * tiny.vocabulary;
    // Logits and log-probabilities differ by a constant.
    const double shift = decoding.logits().at(at) - wanted[0];
    for (std::size_t i = 0; i < wanted.size(); ++i)
      CHECK(decoding.logits().at(at + static_cast<Index>(i)) - shift == Approx(wanted[i]).epsilon(1e-10));
  }
}

}  // namespace

TEST_CASE("a cached step equals the full pass over what the window holds", "[generate]") {
  constexpr std::size_t kWindow = 6;
  TinyLanguage tiny(5, kWindow);
  for (const Text& prompt : {Text{3}, Text{0, 1, 2, 3}, Text{0, 1, 2, 3, 4, 0}, Text{4, 4, 0, 1, 2, 3, 4, 0, 1}}) {
    Decoding decoding(tiny.language, prompt);
    std::vector<View> views{{prompt, prompt.size() - std::min(prompt.size(), kWindow)}};
    check_logits(tiny, decoding, views);
    const std::vector<std::vector<Index>> forks{{0, 0, 0}, {2, 1, 0}, {1, 1}, {0, 1}, {1}, {0}, {0, 0}, {0, 1}, {1}};
    for (std::size_t step = 0; step < forks.size(); ++step) {
      std::vector<View> kept;
      for (const Index row : forks[step]) kept.push_back(views[static_cast<std::size_t>(row)]);
      views = kept;
      decoding.keep(forks[step]);
      Text tokens;
      for (std::size_t row = 0; row < views.size(); ++row) {
        tokens.push_back(static_cast<std::int32_t>((3 * step + 2 * row) % 5));
        views[row].append(tokens.back(), kWindow);
      }
      decoding.append(tokens);
      check_logits(tiny, decoding, views);
    }
  }
}

TEST_CASE("written logits have the bits of the full pass, on any number of threads", "[generate]") {
  constexpr Index kWindow = 40;
  TinyLanguage tiny(70, kWindow, DType::float32);
  for (const int threads : {1, 2}) {
    tiny.language.threads = threads;
    Text text{3, 1, 4};
    Decoding decoding(tiny.language, text);
    for (std::int32_t i = 0; std::ssize(text) < kWindow; ++i) {
      decoding.append(Text{i * i % 70});
      text.push_back(i * i % 70);
      Tape tape;
      Context context(tape, tiny.parameters);
      context.begin(0, 0);
      const ModelInput input{Tensor::from<std::int32_t>({1, std::ssize(text)}, std::span<const std::int32_t>(text))};
      const Var full = tiny.learner.head().logits(context, tiny.learner.model().features(context, input));
      CHECK(same_bits(decoding.logits(), slice(full, 1, full.dim(1) - 1, 1).value().reshaped({1, 70})));
    }
  }
}

TEST_CASE("an encoder-decoder reads its source while it writes", "[generate]") {
  EncoderDecoderOptions options;
  options.d_model = 8;
  options.n_layers = options.n_decoder_layers = 1;
  options.max_length = 8;
  auto model = std::make_unique<EncoderDecoder>(options, InputSpec::tokens(5), mean_mixers(8));
  ModelLearner learner(std::move(model), CrossEntropyHeadOptions().make({8, 5, nullptr}), DType::float64);
  Parameters parameters(learner.module(), DType::float64, Rng(3, "module"));
  stir(parameters);
  const Tensor source = tokens({1, 4}, {4, 2, 0, 1});
  Decoding decoding({learner.model(), learner.head(), parameters, 8}, Text{1}, source);
  decoding.keep(std::vector<Index>{0, 0});
  decoding.append(Text{2, 3});
  decoding.append(Text{0, 4});
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const std::vector<Index> twice{0, 0};
  const ModelInput input{rows_of(source, twice), {}, tokens({2, 3}, {1, 2, 0, 1, 3, 4}), {}};
  const Var full = learner.head().logits(context, learner.model().features(context, input));
  check_close(decoding.logits(), slice(full, 1, 2, 1).value().reshaped({2, 5}));
}

TEST_CASE("decoding refuses what it cannot read", "[generate][errors]") {
  TinyLanguage tiny(3, 4);
  CHECK(error_of([&] { Decoding(tiny.language, Text{}); }) ==
        "generate: the prompt is empty; at least one token was wanted");
  Decoding decoding(tiny.language, Text{1});
  CHECK(error_of([&] { decoding.append(Text{1, 2}); }) == "generate: 2 tokens came for 1 rows");
}

TEST_CASE("texts in parts have the bits of texts in one", "[generate]") {
  TinyLanguage tiny(5, 12, DType::float32);
  const Text prompt{3, 1, 4};
  for (const int threads : {1, 2, 3, 4}) {
    tiny.language.threads = threads;
    DecodingParts parts(tiny.language, prompt, {}, 8, 20);
    CHECK(parts.parts() == threads);
    Decoding one({tiny.language.model, tiny.language.head, tiny.language.parameters, 12}, prompt);
    CHECK(same_bits(parts.logits(7).all, one.logits()));
    // Some end, a whole part among them; what stays is not the number of the text.
    std::vector<std::vector<Index>> stay(25);
    stay[0] = {0, 0, 0, 0, 0, 0, 0, 0};
    stay[3] = {0, 2, 3, 4, 6, 7};
    stay[9] = {2, 3, 4};
    stay[20] = {1};
    for (std::size_t step = 0; step < stay.size(); ++step) {
      if (!stay[step].empty()) one.keep(stay[step]);
      if (step > 0 && !stay[step].empty()) parts.keep(stay[step]);
      Text tokens;
      for (Index row = 0; row < one.rows(); ++row)
        tokens.push_back(static_cast<std::int32_t>((step + 2 * static_cast<std::size_t>(row)) % 5));
      one.append(tokens);
      parts.append(tokens);
      REQUIRE(parts.rows() == one.rows());
      Index differ = 0;
      for (Index row = 0; row < one.rows(); ++row)
        for (Index i = 0; i < tiny.vocabulary; ++i)
          differ += parts.logits(row).all.at(parts.logits(row).row * tiny.vocabulary + i) !=
                    one.logits().at(row * tiny.vocabulary + i);
      CHECK(differ == 0);
    }
  }
}

TEST_CASE("texts are cut into parts where that is worth it", "[generate][errors]") {
  TinyLanguage tiny(5, 12);
  tiny.language.threads = 4;
  const auto parts = [&](const Text& prompt, Index rows, std::int64_t tokens) {
    return DecodingParts(tiny.language, prompt, {}, rows, tokens).parts();
  };
  CHECK(parts({1}, 1, 5) == 1);
  CHECK(parts({1}, 3, 5) == 1);
  CHECK(parts({1}, 5, 5) == 2);
  CHECK(parts({1}, 100, 5) == 4);
  CHECK(parts({1, 2, 3, 4, 0, 1}, 100, 5) == 1);  // more is read than written
  DecodingParts texts(tiny.language, Text{1}, {}, 4, 5);
  CHECK(error_of([&] { texts.append(Text{1, 2}); }) == "generate: 2 tokens came for 4 rows");
  // What one part throws comes through.
  CHECK(error_of([&] { texts.append(Text{1, 2, 3, 77}); }).find("77") != std::string::npos);
}
