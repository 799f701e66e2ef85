#include "train/config/write_config.h"

#include "train/config/scalar.h"
#include "train/config/words.h"

namespace tempera {
namespace {

class Writer : public Fields {
 public:
  Writer(std::string& text, const Origins& origins, std::string path, int depth)
      : text_(text), origins_(origins), path_(std::move(path)), indent_(static_cast<std::size_t>(2 * depth), ' ') {}

  void line(std::string_view name, const std::string& value) {
    text_ += fmt::format("{}{}: {}{}\n", indent_, name, value, comment(dotted(path_, name)));
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule&) override {
    line(name, yaml_text(value));
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    text_ += fmt::format("{}{}:\n", indent_, name);  // without keys it reads back as an empty section
    Writer inside = writer_inside(name);
    options.describe(inside);
  }
  void choice(std::string_view name, Choice& choice, std::string_view) override {
    text_ += fmt::format("{}{}:\n", indent_, name);
    Writer inside = writer_inside(name);
    inside.line("type", quoted_if_needed(choice.type()));
    choice.options().describe(inside);
  }

 private:
  Writer writer_inside(std::string_view name) const {
    return Writer(text_, origins_, dotted(path_, name), static_cast<int>(indent_.size() / 2) + 1);
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
};

}  // namespace

std::string write_config(Options& options, const Origins& origins) {
  std::string text;
  Writer writer(text, origins, {}, 0);
  options.describe(writer);
  return text;
}

}  // namespace tempera
