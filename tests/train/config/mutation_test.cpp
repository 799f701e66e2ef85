// Every key of a configuration misspelt, mistyped, duplicated, moved, put out of range: each is refused at its place.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/support/sample_options.h"
#include "train/config/read_config.h"

using namespace tempera;

namespace {

// All keys in block form, each on a line of its own; the value of a section is empty.
struct Line {
  int depth;
  std::string key, value;
  std::string mistyped = {};      // another value, of a wrong type
  std::string out_of_range = {};  // another value that breaks a rule; empty when there is none
};

const std::vector<Line> kLines{
    {0, "name", "test", "3"},
    {0, "model", "", "3"},
    {1, "d_model", "64", "wide", "0"},
    {1, "n_heads", "8", "0.5", "1025"},
    {1, "dropout", "0.1", "'0.1'", "1.0"},
    {1, "activation", "relu", "true", "sigmoid"},
    {1, "window", "32", "all", "0"},
    {1, "logit_cap", "20", "yes", "-1"},
    {1, "norm", "rms", "1", "batch"},
    {1, "attention", "", "linear"},
    {2, "type", "linear", "7", "lineer"},
    {2, "features", "relu", "no", "tanh"},
    {2, "chunk", "32", "[32]", "0"},
    {0, "train", "", "[]"},
    {1, "steps", "100", "many", "-1"},
    {1, "seed", "7", "-7"},
    {1, "lr", "1e-3", "0.1.2", "0"},
    {1, "resume", "true", "yes"},
    {1, "betas", "[0.9, 0.99]", "0.9"},
    {1, "evaluate_at", "[10, 20]", "{a: 1}"},
    {1, "watch", "[loss]", "loss"},
    {1, "optimizer", "", "plain"},
    {2, "momentum", "0.9", "null", "1"},
};

struct Text {
  std::string yaml;
  std::vector<int> line;  // of each key, from 1
};

Text text_of(const std::vector<Line>& lines) {
  Text text;
  int line = 1;
  for (const Line& l : lines) {
    text.yaml += std::string(static_cast<std::size_t>(2 * l.depth), ' ') + l.key + ":" + (l.value.empty() ? "" : " ") +
                 l.value + "\n";
    text.line.push_back(line++);
  }
  return text;
}

std::vector<ConfigProblem> problems_of(const std::string& yaml) {
  SampleOptions options;
  try {
    read_config({"m.yaml", yaml}, {}, options);
  } catch (const ConfigError& error) {
    return error.problems();
  }
  return {};
}

int key_column(const Line& line) {
  return 2 * line.depth + 1;
}
int value_column(const Line& line) {
  return key_column(line) + static_cast<int>(line.key.size()) + 2;
}

bool among(const std::vector<ConfigProblem>& problems, int line, int column, std::string_view message = {}) {
  return std::ranges::any_of(problems, [&](const ConfigProblem& p) {
    return p.line == line && p.column == column && p.message.find(message) != std::string::npos;
  });
}

// The lines below line i that belong to it.
std::size_t end_of_section(const std::vector<Line>& lines, std::size_t i) {
  std::size_t end = i + 1;
  while (end < lines.size() && lines[end].depth > lines[i].depth) ++end;
  return end;
}

std::vector<std::string> misspellings(const std::string& key) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < key.size(); ++i) {
    std::string dropped = key, doubled = key, swapped = key, replaced = key;
    dropped.erase(i, 1);
    doubled.insert(i, 1, key[i]);
    replaced[i] = key[i] == 'x' ? 'q' : 'x';
    words.insert(words.end(), {dropped, doubled, replaced});
    if (i + 1 < key.size()) {
      std::swap(swapped[i], swapped[i + 1]);
      words.push_back(swapped);
    }
  }
  std::erase(words, key);
  std::erase(words, "");
  return words;
}

}  // namespace

TEST_CASE("the configuration before mutation is right", "[config][mutation]") {
  CHECK(problems_of(text_of(kLines).yaml).empty());
}

TEST_CASE("a misspelt key is refused at its place, and the right one suggested", "[config][mutation]") {
  int all = 0, right = 0;
  for (std::size_t i = 0; i < kLines.size(); ++i)
    for (const std::string& word : misspellings(kLines[i].key)) {
      std::vector<Line> lines = kLines;
      lines[i].key = word;
      const std::vector<ConfigProblem> problems = problems_of(text_of(lines).yaml);
      INFO(kLines[i].key << " as " << word);
      const int line = static_cast<int>(i) + 1, column = key_column(kLines[i]);
      REQUIRE(among(problems, line, column, "unknown key"));
      ++all;
      if (among(problems, line, column, "did you mean `" + kLines[i].key + "`?")) ++right;
      else UNSCOPED_INFO("no suggestion for " << word);
    }
  CAPTURE(all, right);
  CHECK(all > 400);
  CHECK(right >= all * 95 / 100);
}

TEST_CASE("a value of the wrong type is refused at its place", "[config][mutation]") {
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    std::vector<Line> lines = kLines;
    lines[i].value = kLines[i].mistyped;
    const std::size_t end = end_of_section(lines, i);
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines.begin() + static_cast<std::ptrdiff_t>(end));
    const std::vector<ConfigProblem> problems = problems_of(text_of(lines).yaml);
    INFO(kLines[i].key);
    REQUIRE(problems.size() == 1);
    CHECK(among(problems, static_cast<int>(i) + 1, value_column(kLines[i]), "wanted"));
  }
}

TEST_CASE("a value out of range is refused at its place", "[config][mutation]") {
  int all = 0;
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    if (kLines[i].out_of_range.empty()) continue;
    std::vector<Line> lines = kLines;
    lines[i].value = kLines[i].out_of_range;
    INFO(kLines[i].key);
    const std::vector<ConfigProblem> problems = problems_of(text_of(lines).yaml);
    REQUIRE(problems.size() == 1);
    CHECK(among(problems, static_cast<int>(i) + 1, value_column(kLines[i])));
    ++all;
  }
  CHECK(all == 13);
  const std::vector<std::pair<std::string, int>> entries{{"train:\n  betas: [0.5, 2]\n", 16},
                                                         {"train:\n  evaluate_at: [1,  -1]\n", 21},
                                                         {"train:\n  watch: [loss, x]\n", 17}};
  for (const auto& [yaml, column] : entries) {
    INFO(yaml);
    const std::vector<ConfigProblem> problems = problems_of(yaml);
    REQUIRE(problems.size() == 1);
    CHECK(among(problems, 2, column, "must be"));
  }
}

TEST_CASE("a duplicated key is refused at its second place", "[config][mutation]") {
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    std::vector<Line> lines = kLines;
    const std::size_t end = end_of_section(kLines, i);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end), kLines.begin() + static_cast<std::ptrdiff_t>(i),
                 kLines.begin() + static_cast<std::ptrdiff_t>(end));
    const std::vector<ConfigProblem> problems = problems_of(text_of(lines).yaml);
    INFO(kLines[i].key);
    REQUIRE(problems.size() == 1);
    CHECK(among(problems, static_cast<int>(end) + 1, key_column(kLines[i]),
                fmt::format("duplicate key `{}`; it stands in line {} already", kLines[i].key, i + 1)));
  }
}

TEST_CASE("a key moved to another section is refused there, and its own place named", "[config][mutation]") {
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    if (kLines[i].depth == 0 || kLines[i].key == "type" || kLines[i].value.empty()) continue;
    std::vector<Line> lines = kLines;
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
    lines.insert(lines.begin(), kLines[i]);
    lines[0].depth = 0;
    std::string path;
    int depth = kLines[i].depth;
    for (std::size_t j = i; j-- > 0;)
      if (kLines[j].depth < depth) path = fmt::format("{}.{}", kLines[j].key, path), depth = kLines[j].depth;
    const std::vector<ConfigProblem> problems = problems_of(text_of(lines).yaml);
    INFO(kLines[i].key);
    REQUIRE(problems.size() == 1);
    CHECK(among(problems, 1, 1, fmt::format("did you mean `{}{}`?", path, kLines[i].key)));
  }
}

TEST_CASE("random bytes in a configuration never do worse than a message", "[config][fuzz]") {
  const std::string right = text_of(kLines).yaml + "# &a *a [ ] { } , ? | > ! % @ ` \" ' \\ << --- ... \t \xc3\xa9\n";
  int accepted = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const Rng rng(seed, "bytes");
    std::string yaml = right;
    std::uint64_t draw = 0;
    for (std::uint64_t edit = 0; edit <= rng.below(0, 6); ++edit) {
      const std::size_t at = rng.below(++draw, yaml.size()), other = rng.below(++draw, yaml.size());
      switch (rng.below(++draw, 5)) {
        case 0: yaml[at] = static_cast<char>(rng.below(++draw, 256)); break;
        case 1: yaml.erase(at, 1 + rng.below(++draw, 8)); break;
        case 2: yaml.insert(at, yaml.substr(other, 1 + rng.below(++draw, 20))); break;
        case 3: std::swap(yaml[at], yaml[other]); break;
        case 4: yaml.insert(at, 1, "[]{},:?-*&!|>'\"%@`# \n\t<="[rng.below(++draw, 24)]); break;
      }
      if (yaml.empty()) yaml.push_back('a');
    }
    SampleOptions options;
    try {
      const std::string argument = yaml.substr(rng.below(++draw, yaml.size()), 20);
      read_config({"fuzz.yaml", yaml}, std::span(&argument, seed % 4 == 0 ? 1 : 0), options);
      ++accepted;
    } catch (const ConfigError& error) {
      ++refused;
      REQUIRE_FALSE(error.problems().empty());
    }
  }
  CAPTURE(accepted, refused);
  CHECK(accepted > 100);
  CHECK(refused > 10'000);
}
