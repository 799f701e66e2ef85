// Options declared once: a struct tells its fields to a visitor, and the same few lines give YAML parsing, defaults,
// range checks, command-line overrides, the saved effective configuration, the reference page and the JSON Schema.
//
//   struct AdamWOptions : Options {
//     double lr = 1e-3;
//     std::vector<double> betas = {0.9, 0.999};
//     void describe(Fields& f) override {
//       f("lr", lr, "learning rate at the schedule's peak", above(0));
//       f("betas", betas, "decay of the first and second moment", between(0, 1));
//     }
//   };
//
// This header knows neither YAML nor JSON, so every folder may declare options; the visitors live in train/config.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace tempera {

class Fields;

// A rule broken between fields: which one, and what was wanted and how to mend it.
struct Problem {
  std::string key;  // relative to the struct, dotted: "n_heads"
  std::string message;
};

class Options {
 public:
  virtual ~Options() = default;
  virtual void describe(Fields& fields) = 0;
  // Rules between fields, all that are broken. Ranges of single fields are checked before.
  virtual std::vector<Problem> problems() const { return {}; }
};

// What a single value must satisfy, beyond its type. For lists it holds for each entry.
struct Rule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false, open_high = false;    // the bound itself is refused
  std::vector<std::string_view> choices = {};  // texts only; empty: any
};
Rule at_least(double low);
Rule above(double low);
Rule between(double low, double high);     // [low, high]
Rule from_up_to(double low, double high);  // [low, high)
Rule one_of(std::vector<std::string_view> choices);

// A section whose kind is chosen by its key `type`; each kind brings options of its own (an attention, an optimizer).
struct Kind {
  std::string_view name;
  std::string_view doc;
  std::unique_ptr<Options> (*make)();
};

// The chosen kind and its options. Starts as the kind named in the constructor.
class Choice {
 public:
  Choice(std::span<const Kind> kinds, std::string_view type);
  std::span<const Kind> kinds() const { return kinds_; }
  std::string_view type() const { return type_; }
  // False when there is no such kind; then nothing changes.
  bool choose(std::string_view type);
  Options& options() { return *options_; }
  const Options& options() const { return *options_; }
  template <class T>
  const T& as() const {
    return dynamic_cast<const T&>(*options_);
  }
  Choice(const Choice&) = delete;
  Choice& operator=(const Choice&) = delete;
  Choice(Choice&&) = default;
  Choice& operator=(Choice&&) = default;

 private:
  std::span<const Kind> kinds_;
  std::string type_;
  std::unique_ptr<Options> options_;
};

// Named variants of a choice: each is of its kind and has its values, but for those that the variant changes.
//
//   data: {type: modular, p: 97}        evaluate: {tests: {larger: {p: 113}}}
struct Variants {
  struct Variant {
    std::string name;
    std::shared_ptr<Choice> choice;
  };
  // What they vary. To be set, with its values, before the variants are described; null: there is nothing to vary.
  Choice* of = nullptr;
  std::vector<Variant> all = {};

  // One more, like `of` so far.
  Choice& add(std::string name);
};

// Gives the fields of `to` the values that those of `from`, a struct of the same type, have.
void copy_fields(Options& from, Options& to);

using FieldValue = std::variant<bool*, int*, std::int64_t*, std::uint64_t*, double*, std::string*, std::optional<int>*,
                                std::optional<double>*, std::optional<std::string>*, std::vector<std::int64_t>*,
                                std::vector<double>*, std::vector<std::string>*>;

// Sees the fields of a struct one after another. An optional without a value is written `null`.
class Fields {
 public:
  virtual ~Fields() = default;

  template <class T>
  void operator()(std::string_view name, T& value, std::string_view doc, const Rule& rule = {}) {
    if constexpr (std::is_base_of_v<Options, T>) section(name, value, doc);
    else if constexpr (std::is_same_v<T, Choice>) choice(name, value, doc);
    else if constexpr (std::is_same_v<T, Variants>) variants(name, value, doc);
    else field(name, FieldValue(&value), doc, rule);
  }

 protected:
  virtual void field(std::string_view name, FieldValue value, std::string_view doc, const Rule& rule) = 0;
  virtual void section(std::string_view name, Options& options, std::string_view doc) = 0;
  virtual void choice(std::string_view name, Choice& choice, std::string_view doc) = 0;
  virtual void variants(std::string_view name, Variants& variants, std::string_view doc) = 0;
};

}  // namespace tempera
