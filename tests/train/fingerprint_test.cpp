#include "train/fingerprint.h"

#include <catch2/catch.hpp>

#include "core/hash.h"
#include "tests/support/folder.h"
#include "train/config/option_texts.h"
#include "train/config/read_config.h"
#include "train/config/write_config.h"

using namespace tempera;

namespace {

using Changes = std::vector<std::pair<std::string, std::string>>;

struct Inner : Options {
  int width = 3;
  void describe(Fields& f) override { f("width", width, "width"); }
};
struct Later : Inner {
  bool deep = false;
  void describe(Fields& f) override {
    Inner::describe(f);
    f("deep", deep, "an option of a later version");
  }
};
template <class T>
struct Outer : Options {
  static constexpr Kind kKinds[] = {
      {"one", "the first", []() -> std::unique_ptr<Options> { return std::make_unique<Inner>(); }},
      {"two", "another", []() -> std::unique_ptr<Options> { return std::make_unique<T>(); }}};
  T part;
  Choice kind{kKinds, "one"};
  void describe(Fields& f) override {
    f("part", part, "a section");
    f("kind", kind, "a choice");
  }
};

template <class T>
Changes changes(Outer<T>& options) {
  Outer<T> fresh;
  return changed_options(options, fresh);
}

ExperimentOptions settings(const std::string& text) {
  ExperimentOptions options;
  read_config(ConfigText{"c.yaml", text}, {}, options);
  return options;
}

}  // namespace

TEST_CASE("what was changed is told, the type of a choice before its values", "[config]") {
  Outer<Inner> options;
  CHECK(changes(options).empty());
  options.part.width = 4;
  options.kind.choose("two");
  CHECK(changes(options) == Changes{{"part.width", "4"}, {"kind", "two"}});
  dynamic_cast<Inner&>(options.kind.options()).width = 5;
  CHECK(changes(options) == Changes{{"part.width", "4"}, {"kind", "two"}, {"kind.width", "5"}});
}

TEST_CASE("an option that is added later changes nothing until it is used", "[config]") {
  Outer<Inner> before;
  Outer<Later> after;
  before.kind.choose("two");
  after.kind.choose("two");
  CHECK(changes(before) == changes(after));
  dynamic_cast<Later&>(after.kind.options()).deep = true;
  CHECK(changes(after).back() == std::pair<std::string, std::string>{"kind.deep", "true"});
}

TEST_CASE("a fingerprint tells settings apart, not their places", "[config]") {
  const auto of = [](const std::string& text) {
    ExperimentOptions options = settings(text);
    return fingerprint(options);
  };
  const std::string plain = of("data: {type: modular, p: 97}\n");
  CHECK(plain.size() == 16);
  CHECK(plain == of("data: {p: 97, type: modular}\nname: other\nfolder: elsewhere\ntrain: {threads: 3}\n"));
  CHECK(plain != of("data: {type: modular, p: 89}\n"));
  CHECK(plain != of("data: {type: modular, p: 97}\ntrain: {seed: 2}\n"));
  const std::string tests = of("data: {type: modular, p: 97}\nevaluate: {tests: {more: {p: 113}}}\n");
  CHECK(plain != tests);
  CHECK(tests != of("data: {type: modular, p: 97}\nevaluate: {tests: {more: {p: 127}}}\n"));
  CHECK(tests != of("data: {type: modular, p: 97}\nevaluate: {tests: {less: {p: 113}}}\n"));
}

TEST_CASE("a default that has changed since is noticed, a key that came since is not", "[config]") {
  const TestFolder folder;
  ExperimentOptions options = settings("data: {type: modular, p: 97}\n");
  CHECK_FALSE(defaults_changed(folder.path, options));
  std::string text = write_config(options);
  folder.write("config.yaml", text);
  CHECK_FALSE(defaults_changed(folder.path, options));
  const std::size_t at = text.find("  batch: ");
  REQUIRE(at != std::string::npos);
  const std::string line = text.substr(at, text.find('\n', at) + 1 - at);
  folder.write("config.yaml", std::string(text).erase(at, line.size()));
  CHECK_FALSE(defaults_changed(folder.path, options));
  folder.write("config.yaml", std::string(text).replace(at, line.size(), "  batch: 77\n"));
  CHECK(defaults_changed(folder.path, options));
  CHECK(config_changes(folder.path, options).find("train.batch is 77 there and ") != std::string::npos);
}
