#include "train/beam_search.h"

#include <algorithm>

#include "tests/support/language.h"
#include "train/generation.h"

using namespace tempera;

namespace {

using Text = std::vector<std::int32_t>;

// Every text of up to `left` more tokens, each with its probability, by full passes.
void enumerate(TinyLanguage& tiny, const Text& prompt, Beam beam, std::int64_t left, double length_penalty,
               std::vector<Beam>& all) {
  const bool ended = !beam.tokens.empty() && beam.tokens.back() == tiny.language.end;
  if (left == 0 || ended) {
    const double n = static_cast<double>(beam.tokens.size());
    beam.score = beam.log_probability / std::pow((5 + n) / 6, length_penalty);
    all.push_back(std::move(beam));
    return;
  }
  Text text = prompt;
  text.insert(text.end(), beam.tokens.begin(), beam.tokens.end());
  const std::vector<double> next = tiny.next(text);
  for (std::size_t i = 0; i < next.size(); ++i) {
    Beam longer = beam;
    longer.tokens.push_back(static_cast<std::int32_t>(i));
    longer.log_probability += next[i];
    enumerate(tiny, prompt, std::move(longer), left - 1, length_penalty, all);
  }
}

std::vector<Beam> exhaustive(TinyLanguage& tiny, const Text& prompt, std::int64_t tokens, double length_penalty) {
  std::vector<Beam> all;
  enumerate(tiny, prompt, {}, tokens, length_penalty, all);
  std::stable_sort(all.begin(), all.end(), [](const Beam& a, const Beam& b) { return a.score > b.score; });
  return all;
}

}  // namespace

TEST_CASE("with V^n beams beam search is exhaustive", "[generate][beams]") {
  const Text prompt{2, 0};
  for (const bool ends : {false, true})
    for (const double length_penalty : {0.0, 0.6, 2.0}) {
      TinyLanguage tiny(3, 8);
      if (ends) tiny.language.end = 1;
      const std::vector<Beam> wanted = exhaustive(tiny, prompt, 4, length_penalty);
      REQUIRE(wanted.size() == (ends ? 31 : 81));  // 1 + 2 + 4 + 8 * 3, and 3^4
      const std::vector<Beam> found = beam_search(tiny.language, prompt, {4, 81, length_penalty});
      REQUIRE(found.size() == wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        CHECK(found[i].tokens == wanted[i].tokens);
        CHECK(found[i].log_probability == Approx(wanted[i].log_probability).epsilon(1e-10));
        CHECK(found[i].score == Approx(wanted[i].score).epsilon(1e-10));
      }
    }
}

TEST_CASE("a search that stops early has not missed the best", "[generate][beams]") {
  TinyLanguage tiny(3, 16);
  tiny.language.end = 1;
  for (const double length_penalty : {0.0, 1.0}) {
    const std::vector<Beam> all = exhaustive(tiny, {2}, 9, length_penalty);
    REQUIRE(all.size() == 1023);
    const std::vector<Beam> found = beam_search(tiny.language, Text{2}, {9, 64, length_penalty});
    REQUIRE(found.size() == 64);
    for (std::size_t i = 0; i < 8; ++i) CHECK(found[i].tokens == all[i].tokens);
  }
}

TEST_CASE("one beam is greedy, and more never do worse here", "[generate][beams]") {
  TinyLanguage tiny(7, 6);
  const Text prompt{1, 5};
  GenerationOptions greedy;
  greedy.tokens = 15;  // the window fills several times
  greedy.temperature = 0;
  const Text written = sample_tokens(tiny.language, prompt, greedy)[0];
  const std::vector<Beam> one = beam_search(tiny.language, prompt, {15, 1, 0});
  REQUIRE(one.size() == 1);
  CHECK(one[0].tokens == written);
  double best = one[0].log_probability;
  for (const std::int64_t beams : {4, 16}) {
    const std::vector<Beam> found = beam_search(tiny.language, prompt, {15, beams, 0});
    REQUIRE(found.size() == static_cast<std::size_t>(beams));
    for (std::size_t i = 1; i < found.size(); ++i) CHECK(found[i - 1].score >= found[i].score);
    CHECK(found[0].log_probability >= best - 1e-9);
    best = found[0].log_probability;
  }
}

TEST_CASE("beam search has its limits", "[generate][beams][errors]") {
  TinyLanguage tiny(3, 4);
  CHECK(beam_search(tiny.language, Text{1}, {0, 2, 0}).size() == 1);
  CHECK(beam_search(tiny.language, Text{1}, {1, 8, 0}).size() == 3);
  CHECK(error_of([&] {
          beam_search(tiny.language, Text{1}, {1, 0, 0});
        }) == "generate: tokens 1, beams 0, length penalty 0 came; at least 0, 1 and 0 were wanted");
  tiny.parameters.flat().fill(kNaN);
  CHECK_THROWS_AS(beam_search(tiny.language, Text{1}, {1, 2, 0}), NonFiniteError);
}
