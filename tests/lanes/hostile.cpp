// D1 to D4: readers fed with damaged inputs, and every key of every recipe spoilt.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "core/random.h"
#include "tests/fuzz/targets.h"
#include "tests/lanes/trial.h"
#include "train/claims/experiment_file.h"
#include "train/config/unknown_key.h"

namespace tempera::lanes {
namespace {

namespace fs = std::filesystem;

// --- D1: the kept inputs, and `count` damaged copies of each ---

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// D1 is the number of readers that give an answer to every input.
void try_readers(const Tools& tools, int count, Figures& figures) {
  std::int64_t right = 0, trials = 0;
  for (const FuzzTarget& target : fuzz_targets()) {
    bool answers = true;
    for (const auto& entry : fs::directory_iterator(tools.root / "tests/fuzz/corpus" / target.name)) {
      const std::string kept = contents(entry.path());
      for (int i = 0; i <= count; ++i, ++trials) try {
          target.run(i == 0 ? kept : damaged(kept, static_cast<std::uint64_t>(i)));
        } catch (const std::exception& error) {
          std::printf("%s, %s, copy %d: %s\n", target.name.data(), entry.path().filename().c_str(), i, error.what());
          answers = false;
        }
    }
    right += answers;
  }
  std::printf("%lld inputs to %zu readers\n", static_cast<long long>(trials), fuzz_targets().size());
  figures.all("D1", right, std::ssize(fuzz_targets()));
  figures.at_least("D1.readers", static_cast<double>(fuzz_targets().size()), 8);
}

// --- D3: keys of recipes ---

// A key with the place of its value; lines and columns from 0.
struct Key {
  std::string path, name;
  Place at;
  YamlTree value;
  bool free = false;  // a name that the file may choose
};

void collect(const YamlNode& node, const std::string& path, std::vector<Key>& keys) {
  for (const YamlTree& item : node.items) collect(*item, path, keys);
  for (const YamlEntry& entry : node.entries) {
    const bool free = path == "variants" || path == "evaluate.tests";
    const std::string here = path.empty() ? entry.key : path + "." + entry.key;
    keys.push_back({here, entry.key, entry.key_place, entry.value, free});
    collect(*entry.value, here, keys);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

struct Spoilt {
  std::string text;
  int line, column;  // where the reader must point, from 1
};

class Recipe {
 public:
  Recipe(const fs::path& path) : path_(path), lines_(lines_of(contents(path))) {
    Problems problems;
    const YamlTree tree = parse_yaml(problems.add_source({path.string(), joined(lines_)}), problems);
    collect(*tree, "", keys_);
  }
  const std::vector<Key>& keys() const { return keys_; }

  Spoilt misspelt(const Key& key, const std::string& word) const {
    return {replaced(key.at, key.name.size(), word), key.at.line + 1, key.at.column + 1};
  }
  // Another text in place of a value that is a plain word; nothing where it is none.
  std::optional<Spoilt> with_value(const Key& key, const std::string& text) const {
    const YamlNode& value = *key.value;
    if (value.kind != YamlNode::Kind::scalar || value.quoted || value.place.line != key.at.line) return std::nullopt;
    const std::string& line = lines_[static_cast<std::size_t>(value.place.line)];
    if (line.compare(static_cast<std::size_t>(value.place.column), value.text.size(), value.text) != 0)
      return std::nullopt;
    return Spoilt{replaced(value.place, value.text.size(), text), value.place.line + 1, value.place.column + 1};
  }
  // The key and its plain value once more behind themselves.
  std::optional<Spoilt> doubled(const Key& key) const {
    if (!with_value(key, "x")) return std::nullopt;
    const auto line = static_cast<std::size_t>(key.at.line);
    const auto column = static_cast<std::size_t>(key.at.column);
    const std::size_t end = static_cast<std::size_t>(key.value->place.column) + key.value->text.size();
    const std::string pair = lines_[line].substr(column, end - column);
    std::vector<std::string> lines = lines_;
    if (lines[line].find_first_not_of(' ') == column) {
      lines.insert(lines.begin() + key.at.line + 1, std::string(column, ' ') + pair);
      return Spoilt{joined(lines), key.at.line + 2, key.at.column + 1};
    }
    const std::size_t before = lines[line].find_last_not_of(' ', column - 1);
    if (lines[line][before] != '{' && lines[line][before] != ',') return std::nullopt;
    lines[line].insert(end, ", " + pair);
    return Spoilt{joined(lines), key.at.line + 1, static_cast<int>(end) + 3};
  }
  // A copy of the key and its plain value in the first line, at the top of the tree.
  std::optional<Spoilt> moved(const Key& key) const {
    if (key.path == key.name || !with_value(key, "x")) return std::nullopt;
    std::vector<std::string> lines = lines_;
    lines.insert(lines.begin(), key.name + ": " + key.value->text);
    return Spoilt{joined(lines), 1, 1};
  }

  std::vector<ConfigProblem> problems(const Spoilt& spoilt) const {
    try {
      const ExperimentFile file({path_.string(), spoilt.text});
      for (const std::string& variant : file.variants()) {
        ExperimentOptions options;
        file.fill(options, {}, variant);
      }
    } catch (const ConfigError& error) {
      return error.problems();
    }
    return {};
  }

 private:
  static std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }
  std::string replaced(Place at, std::size_t length, const std::string& word) const {
    std::vector<std::string> lines = lines_;
    lines[static_cast<std::size_t>(at.line)].replace(static_cast<std::size_t>(at.column), length, word);
    return joined(lines);
  }

  fs::path path_;
  std::vector<std::string> lines_;
  std::vector<Key> keys_;
};

// One letter left out, doubled, replaced, or changed with its neighbour.
std::string misspelling(const std::string& key, std::uint64_t kind, const Rng& rng, std::uint64_t draw) {
  std::string word = key;
  const std::size_t at = static_cast<std::size_t>(rng.below(draw, key.size()));
  switch (kind) {
    case 0: word.erase(at, 1); break;
    case 1: word.insert(at, 1, key[at]); break;
    case 2: word[at] = key[at] == 'x' ? 'q' : 'x'; break;
    default: std::swap(word[at], word[std::min(at + 1, key.size() - 1)]);
  }
  return word;
}

const ConfigProblem* at_place(const std::vector<ConfigProblem>& problems, const Spoilt& spoilt) {
  for (const ConfigProblem& problem : problems)
    if (problem.line == spoilt.line && problem.column == spoilt.column) return &problem;
  return nullptr;
}

struct Tally {
  std::int64_t trials = 0, right = 0;
  void add(const fs::path& recipe, const Key& key, const char* how, const Spoilt& spoilt, const Recipe& r) {
    ++trials;
    const std::vector<ConfigProblem> problems = r.problems(spoilt);
    if (at_place(problems, spoilt)) return void(++right);
    std::printf("%s: %s %s: wanted at %d:%d, %s\n", recipe.filename().c_str(), key.path.c_str(), how, spoilt.line,
                spoilt.column,
                problems.empty() ? "accepted" : (problems[0].where() + ": " + problems[0].message).c_str());
  }
};

bool number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}

// Every `stride`-th key.
void spoil_recipes(const Tools& tools, std::size_t stride, Figures& figures) {
  Tally misspelt, mistyped, doubled, moved, beyond;
  std::int64_t suggested = 0, words = 0;
  const Rng rng(1, "spelling");
  std::uint64_t draw = 0;
  ExperimentOptions experiment;
  const std::vector<std::string> at_the_top = field_names(experiment);
  for (const auto& entry : fs::recursive_directory_iterator(tools.root / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    const Recipe recipe(entry.path());
    for (std::size_t k = draw % stride; k < recipe.keys().size(); k += stride) {
      const Key& key = recipe.keys()[k];
      if (key.free || key.name.find('.') != std::string::npos) continue;
      for (std::uint64_t kind = 0; kind < 4; ++kind) {
        const std::string word = misspelling(key.name, kind, rng, ++draw);
        if (word == key.name || word.empty()) continue;
        const Spoilt spoilt = recipe.misspelt(key, word);
        misspelt.add(entry.path(), key, ("as " + word).c_str(), spoilt, recipe);
        ++words;
        const std::vector<ConfigProblem> problems = recipe.problems(spoilt);
        const ConfigProblem* problem = at_place(problems, spoilt);
        suggested += problem && (problem->message.find("did you mean `" + key.name + "`") != std::string::npos ||
                                 problem->message.find("did you mean '" + key.name + "'") != std::string::npos);
      }
      if (const auto spoilt = recipe.with_value(key, "[[1], {b: 2}]"))
        mistyped.add(entry.path(), key, "mistyped", *spoilt, recipe);
      if (const auto spoilt = recipe.with_value(key, ".nan"); spoilt && number(key.value->text))
        beyond.add(entry.path(), key, "out of range", *spoilt, recipe);
      if (const auto spoilt = recipe.doubled(key)) doubled.add(entry.path(), key, "doubled", *spoilt, recipe);
      const auto begins = [&](const char* section) { return key.path.starts_with(section); };
      const bool elsewhere = std::ranges::find(at_the_top, key.name) == at_the_top.end();
      if (elsewhere && (begins("model.") || begins("train.") || begins("attention.") || begins("data.")))
        if (const auto spoilt = recipe.moved(key)) moved.add(entry.path(), key, "moved", *spoilt, recipe);
    }
  }
  figures.all("D3.misspelt", misspelt.right, misspelt.trials);
  figures.at_least("D3.suggested", 100.0 * static_cast<double>(suggested) / static_cast<double>(words), 95);
  figures.all("D3.mistyped", mistyped.right, mistyped.trials);
  figures.all("D3.out_of_range", beyond.right, beyond.trials);
  figures.all("D3.duplicated", doubled.right, doubled.trials);
  figures.all("D3.moved", moved.right, moved.trials);
}

}  // namespace

void hostile_lane(const Tools& tools, int count, Figures& figures) {
  fs::current_path(tools.root);
  try_readers(tools, count, figures);
  spoil_recipes(tools, count < 100 ? 7 : 1, figures);
  suite("D4", tools, "schema and reader agree*", figures);
}

}  // namespace tempera::lanes
