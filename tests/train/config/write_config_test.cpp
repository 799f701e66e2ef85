#include "train/config/write_config.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "core/random.h"
#include "tests/support/approved.h"
#include "tests/support/sample_options.h"
#include "train/config/words.h"

using namespace tempera;

namespace {

struct Values : Options {
  std::string text;
  std::vector<std::string> texts;
  double number = 0;
  std::vector<double> numbers;
  std::optional<std::string> maybe;
  void describe(Fields& f) override {
    f("text", text, "");
    f("texts", texts, "");
    f("number", number, "");
    f("numbers", numbers, "");
    f("maybe", maybe, "");
  }
};

struct Empty : Options {
  struct Inner : Options {
    void describe(Fields&) override {}
  } inner;
  void describe(Fields& f) override { f("inner", inner, ""); }
};

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

TEST_CASE("the effective configuration says where its values come from", "[config][approved]") {
  SampleOptions options;
  const Origins origins =
      read_config({"configs/sample.yaml",
                   "name: \"no\"\nmodel:\n  attention:\n    type: linear\n    chunk: 16\n  window: 8\ntrain: {betas: "
                   "[0.5, 1e-20]}\n"},
                  {"train.lr=3e-4", "train.optimizer.type=averaged", "train.watch=[loss, accuracy]"}, options);
  const std::string text = write_config(options, origins);
  CHECK_APPROVED("config/effective.yaml", text);
  SampleOptions again;
  read_config({"effective.yaml", text}, {}, again);
  CHECK(write_config(again, origins) == text);
  CHECK(write_config(again) != text);
}

TEST_CASE("what is written reads back to the same bits", "[config]") {
  const std::vector<std::string> texts{"",
                                       " ",
                                       "a b",
                                       "no",
                                       "Yes",
                                       "null",
                                       "~",
                                       "3",
                                       "-.inf",
                                       "0x10",
                                       "1_000",
                                       "1e3",
                                       "a: b",
                                       "a #b",
                                       "#a",
                                       "- a",
                                       "[a]",
                                       "{a: b}",
                                       "*a",
                                       "&a",
                                       "!a",
                                       "'",
                                       "\"",
                                       "\\",
                                       "\\n",
                                       "a\nb",
                                       "\t",
                                       "\r\n",
                                       "\x01\x7f",
                                       "\xc3\xa9",
                                       "2024-01-01",
                                       "12:30",
                                       "a,b",
                                       "@a",
                                       "`a`",
                                       "%a",
                                       "a:",
                                       "?",
                                       ":",
                                       "runs/x-1.y",
                                       "---",
                                       "...",
                                       "<<",
                                       "a'b\"c",
                                       "\xf0\x9f\x98\x80",
                                       "\xe2\x80\xa8",
                                       "\xc2\x85",
                                       "\xef\xbb\xbf",
                                       "inf",
                                       "NaN",
                                       "True",
                                       "y",
                                       "off",
                                       ".",
                                       "-",
                                       "/",
                                       "_1",
                                       "1.2.3",
                                       std::string("\0a", 2),
                                       std::string(5000, 'x')};
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Rng rng(seed, "values");
    Values values, again;
    values.text = texts[seed % texts.size()];
    for (std::uint64_t i = 0; i < rng.below(0, 4); ++i) values.texts.push_back(texts[rng.below(i + 1, texts.size())]);
    if (seed % 3 != 0) values.maybe = texts[rng.below(9, texts.size())];
    for (std::uint64_t i = 0; i < 4; ++i) {
      const std::uint64_t bits = rng.bits(20 + i);
      double number = 0;
      std::memcpy(&number, &bits, sizeof number);
      if (std::isfinite(number)) values.numbers.push_back(number);
    }
    values.numbers.insert(values.numbers.end(), {-0.0, 0.1, 1, 1e22, 5e-324, std::numeric_limits<double>::max(),
                                                 std::numeric_limits<double>::min(), 123456789012345678.0});
    values.number = values.numbers[seed % values.numbers.size()];
    const std::string text = write_config(values);
    INFO(text);
    read_config({"written.yaml", text}, {}, again);
    REQUIRE(again.text == values.text);
    REQUIRE(again.texts == values.texts);
    REQUIRE(again.maybe == values.maybe);
    REQUIRE(same_bits(again.number, values.number));
    REQUIRE(std::ranges::equal(again.numbers, values.numbers, same_bits));
    REQUIRE(write_config(again) == text);
  }
}

TEST_CASE("what cannot be read back is not written", "[config]") {
  Values values;
  values.number = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(write_config(values), "configuration: inf cannot be written; numbers must be finite");
  values.number = 0;
  values.text = std::string("a\xff");
  CHECK_THROWS_AS(write_config(values), Error);
  values.text = std::string("a");
  CHECK(write_config(values, {{"text", {"a\nb", 3}}}).starts_with("text: a  # from a\\nb:3\n"));
}

TEST_CASE("an empty section reads back", "[config]") {
  Empty empty;
  CHECK(write_config(empty) == "inner:\n");
  CHECK_NOTHROW(read_config({"e.yaml", write_config(empty)}, {}, empty));
}

TEST_CASE("rules in words, at their bounds", "[config]") {
  CHECK(rule_words({}).empty());
  CHECK(rule_words({.high = 3}) == "must be at most 3");
  CHECK(rule_words({.high = 3, .open_high = true}) == "must be below 3");
  CHECK(rule_words({.low = 0, .high = 1, .open_low = true, .open_high = true}) == "must be above 0 and below 1");
  CHECK(rule_words(from_up_to(0, 1)) == "must be at least 0 and below 1");
  CHECK(rule_broken(from_up_to(0, 1), 0).empty());
  CHECK(rule_broken(from_up_to(0, 1), 1) == "must be at least 0 and below 1, got 1");
  CHECK(rule_broken(above(0), 0) == "must be above 0, got 0");
  CHECK(rule_broken(between(0, 1), 1).empty());
  CHECK(rule_broken(at_least(1), 0.5) == "must be at least 1, got 0.5");
}

TEST_CASE("plain words stand without quotes, all others with", "[config]") {
  for (const char* text : {"az", "AZ", "a09", "_x", "/a.b-c", "Z_/."}) CHECK(quoted_if_needed(text) == text);
  for (const char* text : {"", "0a", ".a", "-a", "a{", "a[", "a:", "a b", "caf\xc3\xa9", "a@"})
    CHECK(quoted_if_needed(text) == fmt::format("\"{}\"", text));
  CHECK(joined({}, true).empty());
  CHECK(joined({}, false).empty());
}
