#include "train/claims/experiment_file.h"

#include <catch2/catch.hpp>

#include "tests/support/approved.h"
#include "tests/support/folder.h"
#include "train/claims/gallery.h"
#include "train/errors.h"
#include "train/fingerprint.h"

using namespace tempera;

namespace {

const std::string kSettings = R"(name: digits
data: {type: digits}
model: {type: mlp, hidden: [8]}
train: {steps: 4, batch: 8}
)";
const std::string kClaim = R"(claim: Wide nets learn more.
paper: {figure: table 2, source: Nobody 2020}
seeds: 2
variants:
  wide: {model.hidden: [64], lr: 1e-2}
  narrow: {model.hidden: [2]}
quick: {train.steps: 2}
expect:
  - {metric: test_accuracy, of: wide, above: narrow, by: 0.05}
  - {steps_to: {metric: valid_accuracy, at_least: 0.5}, of: wide, below: own}
)";

std::string errors_of(const std::string& yaml) {
  try {
    const ExperimentFile file(ConfigText{"claim.yaml", yaml});
  } catch (const ConfigError& error) {
    return std::string(error.what()) + "\n";
  }
  return "no error\n";
}

}  // namespace

TEST_CASE("a file without a claim is the experiment it always was", "[claims]") {
  const ExperimentFile file(ConfigText{"digits.yaml", kSettings});
  CHECK_FALSE(file.has_claim());
  CHECK(file.claim().variants == std::vector<std::string>{"own"});
  ExperimentOptions through, plain;
  const std::vector<std::string> overrides{"train.steps=9"};
  file.fill(through, overrides);
  read_config({"digits.yaml", kSettings}, overrides, plain);
  CHECK(fingerprint(through) == fingerprint(plain));
}

TEST_CASE("a claim is read, and each variant is a configuration", "[claims]") {
  const ExperimentFile file(ConfigText{"claim.yaml", kSettings + kClaim});
  CHECK(file.has_claim());
  const Claim& claim = file.claim();
  CHECK(claim.claim == "Wide nets learn more.");
  CHECK(claim.paper.source == "Nobody 2020");
  CHECK(claim.seeds == std::vector<std::uint64_t>{1, 2});
  CHECK(claim.variants == std::vector<std::string>{"own", "wide", "narrow"});
  REQUIRE(claim.expect.size() == 2);
  CHECK(claim.expect[0].text() == "test_accuracy of wide above narrow by 0.05");
  CHECK(claim.expect[1].text() == "steps to valid_accuracy >= 0.5 of wide below own");

  ExperimentOptions own, wide, quick;
  file.fill(own);
  const Origins origins = file.fill(wide, {}, "wide");
  file.fill(quick, std::vector<std::string>{"lr=0.5"}, "wide", true);
  CHECK(own.lr == 1e-3);
  CHECK(wide.lr == 1e-2);
  CHECK(wide.train.steps == 4);
  CHECK(origins.at("lr").line == 9);
  CHECK(quick.lr == 0.5);
  CHECK(quick.train.steps == 2);
  CHECK_THROWS_AS(file.fill(quick, {}, "wyde"), ConfigError);
}

TEST_CASE("seeds are a count or a list", "[claims]") {
  const auto seeds = [](const std::string& text) {
    return ExperimentFile(ConfigText{"c.yaml", kSettings + "seeds: " + text + "\n"}).claim().seeds;
  };
  CHECK(seeds("1") == std::vector<std::uint64_t>{1});
  CHECK(seeds("[7, 0, 18446744073709551615]") == std::vector<std::uint64_t>{7, 0, 18446744073709551615U});
  CHECK(ExperimentFile(ConfigText{"c.yaml", kSettings}).claim().seeds.size() == 3);
}

TEST_CASE("mistakes in a claim stand at their places", "[claims][approved]") {
  CHECK_APPROVED("errors/claim.txt", errors_of(R"(data: {type: digits}
model: {type: mlp, hidden: [8]}
seeds: [1, 1, -2]
variants:
  wide: {model.hiden: [64]}
  narrow: {model.hidden: 3, train.seed: 3}
  "two words": {}
  plain: 3
quick: {model.hiden: [3]}
expect:
  - {metric: test_accuracy, of: wde, above: wide}
  - {metrc: test_accuracy, of: wide, at_least: 0.5}
  - {metric: loss, of: wide, above: narrow, below: own}
  - {metric: loss, at_most: 1, by: 2, every: 3}
  - {metric: loss, steps_to: {metric: valid_loss}, of: wide, above: wide, every: true}
  - loss
)"));
  CHECK_APPROVED("errors/claim_form.txt",
                 errors_of(kSettings + "seeds: 0\nvariants: [a]\nexpect: {metric: loss}\nplot: 3\n"));
}

TEST_CASE("keys of a claim are known beside the settings", "[claims]") {
  const auto starts = [](const std::string& yaml, const std::string& message) {
    const std::string errors = errors_of(kSettings + yaml);
    INFO(errors);
    CHECK(errors.starts_with(message));
  };
  starts("clam: misspelt\n", "claim.yaml:5:1: unknown key `clam`; did you mean `claim`? known keys: ");
  starts("variants: {a: {model: {type: mpl}}}\n", "claim.yaml:5:30: unknown type `mpl` for model; did you mean `mlp`?");
  starts("variants: {a: {data.type.x: 2}}\n", "claim.yaml:5:16: data.type: wanted a text, got a section;");
}

TEST_CASE("a metric that no run will have is refused at its place", "[claims][approved]") {
  const ExperimentFile file(ConfigText{"claim.yaml", kSettings + kClaim + "plot: [test_acuracy]\n"});
  const auto check = [&](const std::vector<std::string>& names) -> std::string {
    try {
      file.check_metrics([&](const std::string&) { return names; });
    } catch (const ConfigError& error) {
      return std::string(error.what()) + "\n";
    }
    return "no error\n";
  };
  CHECK_APPROVED("errors/claim_metrics.txt", check({"train_loss", "valid_acuracy", "test_accuracy", "test_loss"}));
  CHECK(check({"valid_accuracy", "test_accuracy", "test_acuracy"}) == "no error\n");
}

TEST_CASE("a file lies on its base, whose claim is its own", "[claims]") {
  const TestFolder folder;
  folder.write("base.yaml", kSettings + kClaim);
  folder.write("sub/top.yaml", "base: ../base.yaml\ntrain: {steps: 7}\nvariants: {slow: {lr: 1e-5}}\n");
  const ExperimentFile file(folder.path / "sub/top.yaml");
  ExperimentOptions options;
  const Origins origins = file.fill(options);
  CHECK(options.train.steps == 7);
  CHECK(options.train.batch == 8);
  CHECK(origins.at("train.batch").file.ends_with("base.yaml"));
  CHECK_FALSE(file.has_claim());
  CHECK(file.variants() == std::vector<std::string>{"slow"});

  folder.write("ring.yaml", "base: ring.yaml\n");
  CHECK(folder.error_of([&] { ExperimentFile(folder.path / "ring.yaml"); }).find("beyond 8") != std::string::npos);
  folder.write("lost.yaml", "name: a\nbase: nowhere.yaml\n");
  const std::string lost = folder.error_of([&] { ExperimentFile(folder.path / "lost.yaml"); });
  CHECK(lost.find("lost.yaml:2:7: base: ") != std::string::npos);
  CHECK(lost.find("cannot be opened") != std::string::npos);
}

TEST_CASE("the fingerprint of a file follows what changes a verdict", "[claims]") {
  const auto of = [](const std::string& text) { return ExperimentFile(ConfigText{"c.yaml", text}).fingerprint(); };
  const std::string whole = of(kSettings + kClaim);
  CHECK(whole.size() == 16);
  CHECK(whole == of("# a comment\n" + kSettings + kClaim + "note: It is so.\n"));
  CHECK(whole != of(kSettings + kClaim + "lr: 2e-3\n"));
  const auto quick = [](const std::string& steps) {
    std::string text = kClaim;
    text.replace(text.find("train.steps: 2"), 14, "train.steps: " + steps);
    return ExperimentFile(ConfigText{"c.yaml", kSettings + text});
  };
  CHECK(quick("3").fingerprint() == quick("4").fingerprint());
  CHECK(quick("3").fingerprint(true) != quick("4").fingerprint(true));
  std::string other = kClaim;
  other.replace(other.find("0.05"), 4, "0.06");
  CHECK(whole != of(kSettings + other));
}

TEST_CASE("claims are found by name below a folder", "[claims]") {
  const TestFolder folder;
  folder.write("a/wide.yaml", kSettings + kClaim);
  folder.write("b/plain.yaml", kSettings);
  CHECK(find_claims(folder.path) == std::vector<std::filesystem::path>{folder.path / "a/wide.yaml"});
  CHECK(claim_named("wide", folder.path) == folder.path / "a/wide.yaml");
  CHECK_THROWS_AS(claim_named("wdie", folder.path), SetupError);
  folder.write("b/wide.yaml", kSettings + kClaim);
  CHECK(folder.error_of([&] { find_claims(folder.path); }) ==
        "reproduce: a/wide.yaml and b/wide.yaml are claims of one name; rename one of them");
  std::filesystem::remove(folder.path / "b/wide.yaml");
  CHECK(folder.error_of([&] { claim_named("wdie", folder.path); }).find("did you mean `wide`?") != std::string::npos);
}
