#include "train/config/reference_page.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "train/config/words.h"

namespace tempera {
namespace {

std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text)
    if (c == '|') result += "\\|";
    else result += c == '\n' ? ' ' : c;
  return result;
}

class Page : public Fields {
 public:
  Page(std::string& text, std::string path, std::vector<const Kind*>& open)
      : text_(text), path_(std::move(path)), open_(open) {}

  void describe(Options& options) {
    options.describe(*this);
    if (!rows_.empty()) text_ += "\n| key | type | default | rule | meaning |\n|---|---|---|---|---|\n" + rows_;
    else text_ += "\nNo keys.\n";
    text_ += below_;
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view doc, const Rule& rule) override {
    const std::string type = type_words(value), words = rule_words(rule);
    const bool each = type.starts_with("list") && !words.empty();
    row(name, type, fmt::format("`{}`", yaml_text(value)), (each ? "each " : "") + words, doc);
  }
  void section(std::string_view name, Options& options, std::string_view doc) override {
    row(name, "section", "", "", doc);
    below_ += fmt::format("\n## {}\n\n{}\n", dotted(path_, name), doc);
    Page(below_, dotted(path_, name), open_).describe(options);
  }
  void choice(std::string_view name, Choice& choice, std::string_view doc) override {
    const std::vector<std::string_view> names = kind_names(choice);
    row(name, "section by type", fmt::format("`type: {}`", choice.type()), "type is one of " + joined(names, true),
        doc);
    const Kind* const family = choice.kinds().data();
    const std::string path = dotted(path_, name);
    // A family that holds itself is told once.
    if (std::ranges::find(open_, family) != open_.end()) return;
    open_.push_back(family);
    below_ += fmt::format("\n## {}\n\n{}; the key `type` chooses, `{}` unless given.\n", path, doc, choice.type());
    for (const Kind& kind : choice.kinds()) {
      below_ += fmt::format("\n### {}: type {}\n\n{}\n", path, kind.name, kind.doc);
      const std::unique_ptr<Options> fresh = kind.name == choice.type() ? nullptr : kind.make();
      Page(below_, path, open_).describe(fresh ? *fresh : choice.options());
    }
    open_.pop_back();
  }
  void variants(std::string_view name, Variants&, std::string_view doc) override {
    row(name, "sections by name", "", "", doc);
  }

 private:
  void row(std::string_view name, std::string_view type, std::string_view standard, std::string_view rule,
           std::string_view doc) {
    rows_ += fmt::format("| `{}` | {} | {} | {} | {} |\n", name, type, cell(standard), cell(rule), cell(doc));
  }

  std::string& text_;
  std::string path_;
  std::vector<const Kind*>& open_;
  std::string rows_, below_;
};

}  // namespace

std::string reference_page(Options& options, std::string_view title) {
  std::string text = fmt::format("# {}\n", title);
  std::vector<const Kind*> open;
  Page(text, {}, open).describe(options);
  return text;
}

}  // namespace tempera
