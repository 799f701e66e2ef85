#include "train/config/unknown_key.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/nearest.h"
#include "train/config/scalar.h"
#include "train/config/words.h"

namespace tempera {
namespace {

class PathCollector : public Fields {
 public:
  PathCollector(std::vector<std::string>& paths, std::string_view prefix, bool below)
      : paths_(paths), prefix_(prefix), below_(below) {}

 protected:
  void field(std::string_view name, FieldValue, std::string_view, const Rule&) override {
    paths_.push_back(dotted(prefix_, name));
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    paths_.push_back(dotted(prefix_, name));
    if (!below_) return;
    PathCollector inside(paths_, paths_.back(), true);
    options.describe(inside);
  }
  void choice(std::string_view name, Choice& choice, std::string_view doc) override {
    section(name, choice.options(), doc);
  }
  void variants(std::string_view name, Variants&, std::string_view) override {
    paths_.push_back(dotted(prefix_, name));
  }

 private:
  std::vector<std::string>& paths_;
  std::string prefix_;
  bool below_;
};

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

// The one path elsewhere that ends in this key; empty when there is none, or more than one.
std::string only_other_place(const UnknownKey& unknown, Options& root) {
  std::string found;
  for (const std::string& path : field_paths(root))
    if (last_part(path) == unknown.key) {
      if (!found.empty()) return {};
      found = path;
    }
  return found;
}

std::vector<std::string_view> kinds_that_know(const UnknownKey& unknown) {
  std::vector<std::string_view> kinds;
  if (unknown.choice == nullptr) return kinds;
  for (const Kind& kind : unknown.choice->kinds()) {
    const std::vector<std::string> names = field_names(*kind.make());
    if (std::ranges::find(names, unknown.key) != names.end()) kinds.push_back(kind.name);
  }
  return kinds;
}

}  // namespace

std::vector<std::string> field_names(Options& options) {
  std::vector<std::string> names;
  PathCollector collector(names, {}, false);
  options.describe(collector);
  return names;
}

std::vector<std::string> field_paths(Options& options, std::string_view prefix) {
  std::vector<std::string> paths;
  PathCollector collector(paths, prefix, true);
  options.describe(collector);
  return paths;
}

std::string unknown_key_message(const UnknownKey& unknown, Options& root) {
  std::string text = fmt::format("unknown key `{}`", shortened(unknown.key));
  if (!unknown.section.empty()) text += fmt::format(" in {}", unknown.section);
  if (unknown.choice != nullptr) text += fmt::format(" (type {})", unknown.choice->type());
  const std::string elsewhere = only_other_place(unknown, root);
  const std::string_view near = nearest(unknown.key, unknown.known);
  const std::vector<std::string_view> kinds = kinds_that_know(unknown);
  if (!kinds.empty()) text += fmt::format("; it belongs to type {}", joined(kinds, true));
  else if (!elsewhere.empty()) text += fmt::format("; did you mean `{}`?", elsewhere);
  else if (!near.empty())
    text += fmt::format("; did you mean `{}`?", unknown.on_command_line ? dotted(unknown.section, near) : near);
  else if (unknown.key.find(':') != std::string::npos) text += "; write a space after the colon";
  else if (unknown.key == "<<") text += "; sections are not merged, an alias gives a whole one";
  return text + (text.ends_with('?') ? " " : "; ") + "known keys: " + joined(unknown.known);
}

}  // namespace tempera
