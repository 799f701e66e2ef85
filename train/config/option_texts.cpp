#include "train/config/option_texts.h"

#include "train/config/words.h"

namespace tempera {
namespace {

class Collector : public Fields {
 public:
  Collector(OptionTexts& texts, std::string path) : texts_(texts), path_(std::move(path)) {}

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule&) override {
    texts_[dotted(path_, name)] = yaml_text(value);
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    Collector inside(texts_, dotted(path_, name));
    options.describe(inside);
  }
  void choice(std::string_view name, Choice& choice, std::string_view doc) override {
    texts_[dotted(path_, name)] = choice.type();
    section(name, choice.options(), doc);
  }
  void variants(std::string_view, Variants&, std::string_view) override {}

 private:
  OptionTexts& texts_;
  std::string path_;
};

using Changes = std::vector<std::pair<std::string, std::string>>;

class ChangeCollector : public Fields {
 public:
  // `fresh` holds the values to compare with, of this struct at `root`.
  ChangeCollector(Changes& changes, std::string path, const OptionTexts& fresh, std::string root)
      : changes_(changes), path_(std::move(path)), fresh_(fresh), root_(std::move(root)) {}

 protected:
  void field(std::string_view name, FieldValue value, std::string_view, const Rule&) override {
    tell(name, yaml_text(value));
  }
  void section(std::string_view name, Options& options, std::string_view) override {
    ChangeCollector inside(changes_, dotted(path_, name), fresh_, dotted(root_, name));
    options.describe(inside);
  }
  void choice(std::string_view name, Choice& choice, std::string_view) override {
    tell(name, std::string(choice.type()));
    Choice fresh(choice.kinds(), choice.type());
    inside(dotted(path_, name), choice.options(), option_texts(fresh.options()));
  }
  void variants(std::string_view name, Variants& variants, std::string_view) override {
    if (variants.all.empty()) return;
    const OptionTexts varied = option_texts(variants.of->options());
    for (const Variants::Variant& variant : variants.all) {
      const std::string path = dotted(dotted(path_, name), variant.name);
      changes_.emplace_back(path, variant.choice->type());
      inside(path, variant.choice->options(), varied);
    }
  }

 private:
  void tell(std::string_view name, std::string text) {
    const auto fresh = fresh_.find(dotted(root_, name));
    if (fresh == fresh_.end() || fresh->second != text) changes_.emplace_back(dotted(path_, name), std::move(text));
  }
  void inside(std::string path, Options& options, const OptionTexts& fresh) {
    ChangeCollector collector(changes_, std::move(path), fresh, {});
    options.describe(collector);
  }

  Changes& changes_;
  std::string path_;
  const OptionTexts& fresh_;
  std::string root_;
};

}  // namespace

OptionTexts option_texts(Options& options) {
  OptionTexts texts;
  Collector collector(texts, {});
  options.describe(collector);
  return texts;
}

Changes changed_options(Options& options, Options& fresh) {
  Changes changes;
  const OptionTexts texts = option_texts(fresh);
  ChangeCollector collector(changes, {}, texts, {});
  options.describe(collector);
  return changes;
}

}  // namespace tempera
