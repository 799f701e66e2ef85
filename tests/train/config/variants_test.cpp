// Variants of a choice in a configuration: reading, mistakes, writing.
#include <catch2/catch.hpp>

#include "tests/support/sample_options.h"
#include "train/config/option_texts.h"
#include "train/config/read_config.h"
#include "train/config/write_config.h"

using namespace tempera;

namespace {

// Of which something must hold between fields.
struct PairSample : Options {
  int low = 1, high = 2;
  SoftmaxSample scores;
  Choice optimizer{kOptimizerSamples, "averaged"};
  void describe(Fields& f) override {
    f("low", low, "");
    f("high", high, "");
    f("scores", scores, "");
    f("optimizer", optimizer, "");
  }
  std::vector<Problem> problems() const override {
    if (low < high) return {};
    return {{"low", fmt::format("must be below high = {}, got {}", high, low)}};
  }
};
inline constexpr Kind kPairs[] = {
    {"pair", "", []() -> std::unique_ptr<Options> { return std::make_unique<PairSample>(); }}};

struct Varied : Options {
  Choice data{kPairs, "pair"};
  Variants tests;
  void describe(Fields& f) override {
    f("data", data, "what is varied");
    tests.of = &data;
    f("tests", tests, "how");
  }
};

const PairSample& variant(const Varied& options, std::size_t i) {
  return options.tests.all[i].choice->as<PairSample>();
}

std::string errors_of(std::string_view yaml) {
  Varied options;
  try {
    read_config({"v.yaml", std::string(yaml)}, {}, options);
  } catch (const ConfigError& error) {
    std::string text;
    for (const ConfigProblem& problem : error.problems())
      text += fmt::format("{}: {}\n", problem.where(), problem.message);
    return text;
  }
  return "no error";
}

}  // namespace

TEST_CASE("a variant has the values of what it varies, but for its own", "[config]") {
  Varied options;
  const std::string yaml = R"(data:
  low: 3
  high: 9
  optimizer:
    inner: {type: averaged, horizon: 5}
tests:
  Same_1:
  lower-2: {low: -7, scores: {temperature: 2}}
  plain: {optimizer: {type: plain, momentum: 0.5}}
  inner: {optimizer: {inner: {horizon: 6}}}
)";
  read_config({"v.yaml", yaml}, {}, options);
  REQUIRE(options.tests.all.size() == 4);
  CHECK(options.tests.all[0].name == "Same_1");
  CHECK(variant(options, 0).low == 3);
  CHECK(variant(options, 1).low == -7);
  CHECK(variant(options, 1).high == 9);
  CHECK(variant(options, 1).scores.temperature == 2);
  CHECK(variant(options, 2).optimizer.as<PlainSample>().momentum == 0.5);
  const auto& inner = variant(options, 3).optimizer.as<AveragedSample>().inner;
  CHECK(inner.as<AveragedSample>().horizon == 6);

  SECTION("and what is written says what it changes, and reads back") {
    const std::string text = write_config(options);
    CHECK(text.substr(text.find("tests:")) == R"(tests:
  Same_1:
  lower-2:
    low: -7
    scores:
      temperature: 2
  plain:
    optimizer:
      type: plain
      momentum: 0.5
  inner:
    optimizer:
      inner:
        horizon: 6
)");
    Varied again;
    read_config({"again.yaml", text}, {}, again);
    CHECK(write_config(again) == text);
    Varied fresh;
    CHECK(changed_options(again, fresh) == changed_options(options, fresh));
  }
}

TEST_CASE("names of variants are short and plain", "[config]") {
  const std::string end = "is no name of a variant; letters, digits, - and _ were wanted, at most 32\n";
  CHECK(errors_of("tests: {\"azAZ09-_\": {}, " + std::string(32, 'x') + ": {}}\n") == "no error");
  for (const std::string& name : {std::string(33, 'x'), std::string("a.b"), std::string("a b"), std::string("a{"),
                                  std::string("a["), std::string("a:"), std::string("caf\xc3\xa9")})
    CHECK(errors_of(fmt::format("tests: {{\"{}\": {{}}}}\n", name)) ==
          fmt::format("v.yaml:1:9: tests: `{}` {}", name, end));
  CHECK(errors_of("tests: {\"\": {}}\n") == "v.yaml:1:9: tests: `` " + end);
}

TEST_CASE("mistakes in variants are told where they stand", "[config]") {
  CHECK(errors_of("tests: 3\n") == "v.yaml:1:8: tests: wanted a section with keys, got `3`\n");
  CHECK(errors_of("tests:\n  a: 3\n") == "v.yaml:2:6: tests.a: wanted a section with keys, got `3`\n");
  CHECK(errors_of("tests:\n  a: {low: x}\n") == "v.yaml:2:12: tests.a.low: wanted a whole number, got `x`\n");
  CHECK(errors_of("tests:\n  a: {low: 5}\n") == "v.yaml:2:12: tests.a.low: must be below high = 2, got 5\n");
  CHECK(errors_of("tests:\n  a: {high: 0}\n") ==
        "v.yaml:2:3: tests.a.low: must be below high = 0, got 1 (it is not set here, what is varied holds)\n");
  // What is wrong with the varied is told once, there.
  CHECK(errors_of("data: {low: 5}\ntests:\n  a:\n  b: {high: 3}\n") ==
        "v.yaml:1:13: data.low: must be below high = 2, got 5\n");
}
