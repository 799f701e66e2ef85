#include "train/config/write_config.h"

#include "train/config/option_texts.h"
#include "train/config/scalar.h"
#include "train/config/words.h"

namespace tempera {
namespace {

class Writer : public Fields {
 public:
  // `varied`: values, by their paths below `root`, that are left out where they are the same.
  Writer(std::string& text, const Origins& origins, std::string path, int depth, const OptionTexts* varied = nullptr,
         std::string root = {})
      : text_(text),
        origins_(origins),
        path_(std::move(path)),
        indent_(static_cast<std::size_t>(2 * depth), ' '),
        varied_(varied),
        root_(std::move(root)) {}

  void line(std::string_view name, const std::string& value) {
    text_ += fmt::format("{}{}: {}{}\n", indent_, name, value, comment(dotted(path_, name)));
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule&) override {
    const std::string text = yaml_text(value);
    if (!as_varied(name, text)) line(name, text);
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    std::string keys;
    Writer inside = writer_inside(name, keys, varied_);
    options.describe(inside);
    // Without keys it reads back as an empty section.
    if (!varied_ || !keys.empty()) text_ += fmt::format("{}{}:\n", indent_, name) + keys;
  }
  void choice(std::string_view name, Choice& choice, std::string_view doc) override {
    if (as_varied(name, std::string(choice.type()))) return section(name, choice.options(), doc);
    text_ += fmt::format("{}{}:\n", indent_, name);
    Writer inside = writer_inside(name, text_, nullptr);
    inside.line("type", quoted_if_needed(choice.type()));
    choice.options().describe(inside);
  }
  void variants(std::string_view name, Variants& variants, std::string_view) override {
    text_ += fmt::format("{}{}:\n", indent_, name);
    if (variants.all.empty()) return;
    const OptionTexts varied = option_texts(variants.of->options());
    for (const Variants::Variant& variant : variants.all) {
      text_ += fmt::format("{}  {}:\n", indent_, quoted_if_needed(variant.name));
      const std::string path = dotted(dotted(path_, name), variant.name);
      Writer inside(text_, origins_, path, depth() + 2, &varied, path);
      variant.choice->options().describe(inside);
    }
  }

 private:
  int depth() const { return static_cast<int>(indent_.size() / 2); }
  Writer writer_inside(std::string_view name, std::string& text, const OptionTexts* varied) const {
    return Writer(text, origins_, dotted(path_, name), depth() + 1, varied, root_);
  }
  // A variant says what it changes.
  bool as_varied(std::string_view name, const std::string& text) const {
    return varied_ && varied_->at(dotted(path_, name).substr(root_.size() + 1)) == text;
  }
  std::string comment(const std::string& path) const {
    const auto origin = origins_.find(path);
    if (origin == origins_.end()) return {};
    if (origin->second.file.empty()) return "  # command line";
    return fmt::format("  # from {}:{}", shortened(origin->second.file), origin->second.line);
  }

  std::string& text_;
  const Origins& origins_;
  std::string path_;
  std::string indent_;
  const OptionTexts* varied_;
  std::string root_;
};

}  // namespace

std::string write_config(Options& options, const Origins& origins) {
  std::string text;
  Writer writer(text, origins, {}, 0);
  options.describe(writer);
  return text;
}

}  // namespace tempera
