#include "train/config/section_reader.h"

#include <algorithm>
#include <set>

#include "core/nearest.h"
#include "train/config/scalar.h"
#include "train/config/unknown_key.h"
#include "train/config/words.h"

namespace tempera {
namespace {

const YamlTree kNothing = std::make_shared<const YamlNode>(YamlNode{YamlNode::Kind::map, Place{}});

constexpr std::string_view kVariantNames = "letters, digits, - and _ were wanted, at most 32";

// Variants name metrics ("test.2x.accuracy") and files.
bool is_variant_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), fits);
}

// What one reading gathers. Unknown keys wait to the end: what to suggest depends on the kinds chosen everywhere.
struct Reading {
  Problems& problems;
  Origins origins = {};
  std::vector<std::pair<Place, UnknownKey>> unknown = {};

  std::size_t further_unknown = 0;  // beyond those that are kept

  // Problems so far, unknown keys included.
  std::size_t count() const { return problems.count() + unknown.size() + further_unknown; }

  void given(const std::string& path, Place place) {
    const Source& source = problems.source(place.source);
    origins[path] = source.on_command_line() ? Origin{} : Origin{source.name, place.line + 1};
  }
};

class SectionReader : public Fields {
 public:
  // `keys` is the map of this section, `place` where it is opened.
  SectionReader(Reading& reading, std::string path, YamlTree keys, Place place)
      : reading_(reading), path_(std::move(path)), keys_(std::move(keys)), place_(place) {}

  void read(Options& options, const Choice* choice = nullptr, std::span<const std::string_view> also_known = {}) {
    if (!read_keys(options, choice, also_known)) return;
    for (const Problem& problem : options.problems()) add_problem(problem, "it is not set, the default holds");
  }

  // The keys that a variant changes; `options` has the values of what it varies.
  void read_variant(Options& options, const Options& varied) {
    // What is wrong with the varied already is told there.
    if (!read_keys(options, nullptr) || !varied.problems().empty()) return;
    for (const Problem& problem : options.problems()) add_problem(problem, "it is not set here, what is varied holds");
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule& rule) override {
    known_.push_back(name);
    const YamlEntry* entry = keys_->find(name);
    if (entry == nullptr) return;
    const std::string path = dotted(path_, name);
    if (entry->value->by_override)
      return add(*entry->value, fmt::format("{} is a {}, it has no keys", path, type_words(value)));
    reading_.given(path, entry->key_place);
    std::visit([&](auto* target) { read_value(*entry->value, path, *target, rule); }, value);
  }

  void section(std::string_view name, Options& options, std::string_view) override {
    known_.push_back(name);
    if (const auto inside = open(name, "")) SectionReader(*inside).read(options);
  }

  void choice(std::string_view name, Choice& choice, std::string_view) override {
    known_.push_back(name);
    const std::string mend = fmt::format("; write `{}: {{type: {}}}`", name, choice.type());
    auto inside = open(name, mend);
    if (inside && inside->read_type(choice)) inside->read(choice.options(), &choice);
  }

  void variants(std::string_view name, Variants& variants, std::string_view) override {
    known_.push_back(name);
    variants.all.clear();
    auto inside = open(name, "");
    if (!inside) return;
    for (const YamlEntry& entry : inside->keys_->entries) {
      if (!is_variant_name(entry.key)) {
        reading_.problems.add(entry.key_place, fmt::format("{}: `{}` is no name of a variant; {}", inside->path_,
                                                           shortened(entry.key), kVariantNames));
        continue;
      }
      Options& options = variants.add(entry.key).options();
      if (auto variant = inside->open(entry.key, "")) variant->read_variant(options, variants.of->options());
    }
  }

 private:
  // False where something is wrong.
  bool read_keys(Options& options, const Choice* choice, std::span<const std::string_view> also_known = {}) {
    const std::size_t before = reading_.count();
    if (choice != nullptr) known_.emplace_back("type");
    options.describe(*this);
    known_.insert(known_.end(), also_known.begin(), also_known.end());
    for (const YamlEntry& entry : keys_->entries)
      if (std::ranges::find(known_, entry.key) == known_.end()) unknown(entry, choice);
    return reading_.count() == before;
  }

  static bool is_section(const YamlNode& node) {
    return node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::null;
  }
  bool is_override(const YamlEntry& entry) const {
    return reading_.problems.source(entry.key_place.source).on_command_line();
  }
  void unknown(const YamlEntry& entry, const Choice* choice) {
    if (reading_.unknown.size() >= Problems::kKept) return void(++reading_.further_unknown);
    reading_.unknown.push_back({entry.key_place, {entry.key, path_, known_, choice, is_override(entry)}});
  }
  void add(const YamlNode& node, std::string message) { reading_.problems.add(node.place, std::move(message)); }

  // The reader for the section of this name, without keys when it is not given; nothing if it is no section.
  std::optional<SectionReader> open(std::string_view name, std::string_view mend) {
    const std::string path = dotted(path_, name);
    const YamlEntry* entry = keys_->find(name);
    if (entry == nullptr) return SectionReader(reading_, path, kNothing, place_);
    const YamlNode& node = *entry->value;
    if (!is_section(node)) {
      add(node, fmt::format("{}: wanted a section with keys, got {}{}", path, what_stands(node), mend));
      return {};
    }
    return SectionReader(reading_, path, node.kind == YamlNode::Kind::map ? entry->value : kNothing, entry->key_place);
  }

  bool read_type(Choice& choice) {
    const YamlEntry* entry = keys_->find("type");
    if (entry == nullptr) return true;
    const std::vector<std::string_view> names = kind_names(choice);
    std::string type;
    if (const std::string wrong = read_scalar(*entry->value, type); !wrong.empty()) {
      add(*entry->value, fmt::format("{}.type: {}; known types: {}", path_, wrong, joined(names)));
      return false;
    }
    if (!choice.choose(type)) {
      const std::string meant = did_you_mean(type, names);
      add(*entry->value, fmt::format("unknown type `{}` for {}{} known types: {}", shortened(type), path_,
                                     meant.empty() ? ";" : meant, joined(names)));
      return false;
    }
    reading_.given(path_ + ".type", entry->key_place);
    return true;
  }

  template <class T>
  void read_value(const YamlNode& node, const std::string& path, T& target, const Rule& rule) {
    T value{};
    std::string wrong;
    // A shell takes the quotes off: name=7 on the command line is a text where a text is wanted.
    const bool bare = std::is_same_v<T, std::string> && node.kind == YamlNode::Kind::scalar &&
                      reading_.problems.source(node.place.source).on_command_line();
    if constexpr (std::is_same_v<T, std::string>)
      if (bare) value = node.text;
    if (!bare) wrong = read_scalar(node, value);
    if (wrong.empty()) {
      if constexpr (std::is_same_v<T, std::string>) wrong = rule_broken(rule, value);
      else if constexpr (!std::is_same_v<T, bool>) wrong = rule_broken(rule, static_cast<double>(value));
    }
    if (wrong.empty()) target = std::move(value);
    else add(node, fmt::format("{}: {}", path, wrong));
  }

  template <class T>
  void read_value(const YamlNode& node, const std::string& path, std::optional<T>& target, const Rule& rule) {
    target.reset();
    if (node.kind == YamlNode::Kind::null) return;
    T value{};
    read_value(node, path, value, rule);
    target = std::move(value);
  }

  template <class T>
  void read_value(const YamlNode& node, const std::string& path, std::vector<T>& target, const Rule& rule) {
    if (node.kind != YamlNode::Kind::list) {
      const std::string mend =
          node.kind == YamlNode::Kind::scalar ? fmt::format("; write [{}]", shortened(node.text)) : "";
      return add(node, fmt::format("{}: wanted a {}, got {}{}", path, type_words(&target), what_stands(node), mend));
    }
    target.clear();
    for (const YamlTree& item : node.items) read_value(*item, path, target.emplace_back(), rule);
  }

  // At the value of the key the problem names, or at the innermost section on the way that is given.
  void add_problem(const Problem& problem, std::string_view unset) {
    Place place = place_;
    YamlTree node = keys_;
    std::string_view rest = problem.key;
    bool given = true;
    while (!rest.empty()) {
      const std::size_t dot = std::min(rest.find('.'), rest.size());
      const YamlEntry* entry = node->find(rest.substr(0, dot));
      given = entry != nullptr;
      rest.remove_prefix(std::min(dot + 1, rest.size()));
      if (!given) break;
      node = entry->value;
      place = rest.empty() ? node->place : entry->key_place;
    }
    const std::string path = problem.key.empty() ? path_ : dotted(path_, problem.key);
    reading_.problems.add(place, fmt::format("{}{}{}{}", path, path.empty() ? "" : ": ", problem.message,
                                             given ? "" : fmt::format(" ({})", unset)));
  }

  Reading& reading_;
  std::string path_;
  YamlTree keys_;
  Place place_;
  std::vector<std::string_view> known_;
};

}  // namespace

Origins read_tree(const YamlTree& tree, Options& options, Problems& problems, const TreePosition& at) {
  if (tree->kind == YamlNode::Kind::scalar || tree->kind == YamlNode::Kind::list) {
    const bool colon = tree->text.find(':') != std::string::npos;
    problems.add(tree->place, fmt::format("wanted keys with values, as in `seed: 7`, got {}{}", what_stands(*tree),
                                          colon ? "; write a space after the colon" : ""));
    return {};
  }
  Reading reading{problems};
  SectionReader(reading, at.path, tree->kind == YamlNode::Kind::map ? tree : kNothing, at.place)
      .read(options, nullptr, at.also_known);
  for (const auto& [place, unknown] : reading.unknown) problems.add(place, unknown_key_message(unknown, options));
  for (std::size_t i = 0; i < reading.further_unknown; ++i) problems.add({}, "unknown key");
  return std::move(reading.origins);
}

}  // namespace tempera
