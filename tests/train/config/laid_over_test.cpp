// Configurations of several files, of aliases, and mistakes far from their cause.
#include <catch2/catch.hpp>

#include "tests/support/config_errors.h"

using namespace tempera;

TEST_CASE("what files say of one section is laid together, and scalars replace", "[config]") {
  const auto read = [](std::vector<ConfigText> texts) {
    SampleOptions options;
    read_config(texts, std::vector<std::string>{}, options);
    return options;
  };
  // An empty section above leaves what is below; a value above a section takes its place, and is then told.
  CHECK(read({{"a.yaml", "model: {dropout: 0.5}\n"}, {"b.yaml", "model:\n"}}).model.dropout == 0.5);
  CHECK(read({{"a.yaml", "model:\n"}, {"b.yaml", "model: {dropout: 0.5}\n"}}).model.dropout == 0.5);
  CHECK_FALSE(read({{"a.yaml", "model: {window: 3}\n"}, {"b.yaml", "model: {window: null}\n"}}).model.window);
  CHECK_THROWS_WITH(read({{"a.yaml", "model: {dropout: 0.5}\n"}, {"b.yaml", "model: 3\n"}}),
                    Catch::Contains("b.yaml:1:8: model: wanted a section with keys, got `3`"));
  CHECK(read({{"a.yaml", "model: {window: 3}\n"}, {"b.yaml", ""}}).model.window == 3);
}

TEST_CASE("each of several files that are no YAML is told", "[config]") {
  const auto problems = problems_of({{"a.yaml", "a: [1\n"}, {"b.yaml", "name: x\n"}, {"c.yaml", "\tname: x\n"}});
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].where() == "a.yaml:1:4");
  CHECK(problems[1].where() == "c.yaml:1:1");
}

TEST_CASE("aliases count in full towards how deep a text may nest", "[config]") {
  const auto nested = [](int depth, std::string_view inside) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(inside) +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  const std::string text = "a: &a " + nested(40, "1") + "\nb: ";
  CHECK(errors_of(text + nested(10, "*a") + "\n").find("nest beyond") == std::string::npos);
  CHECK(errors_of(text + nested(40, "*a") + "\n").find("lists and sections nest beyond 64") != std::string::npos);
}

TEST_CASE("an override names at most as many sections as can nest", "[config]") {
  std::string key = "a";
  for (int i = 0; i < 100; ++i) key += ".a";
  CHECK(errors_of("", {key + "=1"}).find("wanted key=value") != std::string::npos);
}

TEST_CASE("a key that several other sections have is not moved to one of them", "[config]") {
  const std::string optimizers = "train: {optimizer: {type: averaged, inner: {type: averaged}}}\n";
  CHECK(errors_of(optimizers + "momentum: 1\n").find("train.optimizer.inner.inner.momentum") != std::string::npos);
  CHECK(errors_of(optimizers + "horizon: 1\n").find("train.optimizer") == std::string::npos);
}

TEST_CASE("a file that opens and cannot be read says why", "[config]") {
  // A process' own memory: nothing lies at its beginning.
  CHECK_THROWS_WITH(load_config_text("/proc/self/mem"), "/proc/self/mem: cannot be read: Input/output error");
}

TEST_CASE("problems of nested keys, and of a whole configuration, find their places", "[config]") {
  struct Strict : Options {
    SampleOptions sample;
    std::string key;
    void describe(Fields& f) override { f("sample", sample, ""); }
    std::vector<Problem> problems() const override { return {{key, "is wrong"}}; }
  } options;
  const auto told = [&](std::string key) {
    options.key = std::move(key);
    try {
      read_config({"s.yaml", "\nsample:\n  model:\n    attention: {type: linear}\n"}, {}, options);
    } catch (const ConfigError& error) {
      return error.problems().at(0).where() + ": " + error.problems().at(0).message;
    }
    return std::string("nothing");
  };
  CHECK(told("sample.model.attention.type") == "s.yaml:4:23: sample.model.attention.type: is wrong");
  CHECK(told("sample.model.attention.chunk") ==
        "s.yaml:4:5: sample.model.attention.chunk: is wrong (it is not set, the default holds)");
  CHECK(told("sample.train.lr") == "s.yaml:2:1: sample.train.lr: is wrong (it is not set, the default holds)");
  CHECK(told("") == "s.yaml: is wrong");
}
