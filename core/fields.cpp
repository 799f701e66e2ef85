#include "core/fields.h"

#include "core/error.h"
#include "core/nearest.h"

namespace tempera {
namespace {

// The values of fields, in the order of their description; the types of choices stand among them.
class Collector : public Fields {
 public:
  std::vector<FieldValue> values;
  std::vector<std::string> types;

 protected:
  void field(std::string_view, FieldValue value, std::string_view, const Rule&) override { values.push_back(value); }
  void section(std::string_view, Options& options, std::string_view) override { options.describe(*this); }
  void choice(std::string_view, Choice& choice, std::string_view) override {
    types.emplace_back(choice.type());
    choice.options().describe(*this);
  }
  void variants(std::string_view name, Variants&, std::string_view) override {
    fail("copy_fields", "{} are variants; only what has none can be varied", name);
  }
};

class Assigner : public Fields {
 public:
  explicit Assigner(const Collector& from) : from_(from) {}

 protected:
  void field(std::string_view, FieldValue value, std::string_view, const Rule&) override {
    std::visit([&](auto* to) { *to = *std::get<decltype(to)>(from_.values[field_]); }, value);
    ++field_;
  }
  void section(std::string_view, Options& options, std::string_view) override { options.describe(*this); }
  void choice(std::string_view, Choice& choice, std::string_view) override {
    choice.choose(from_.types[choice_++]);
    choice.options().describe(*this);
  }
  void variants(std::string_view, Variants&, std::string_view) override {}

 private:
  const Collector& from_;
  std::size_t field_ = 0, choice_ = 0;
};

}  // namespace

Rule at_least(double low) {
  return {.low = low};
}
Rule above(double low) {
  return {.low = low, .open_low = true};
}
Rule between(double low, double high) {
  return {.low = low, .high = high};
}
Rule from_up_to(double low, double high) {
  return {.low = low, .high = high, .open_high = true};
}
Rule one_of(std::vector<std::string_view> choices) {
  return {.choices = std::move(choices)};
}

Choice::Choice(std::span<const Kind> kinds, std::string_view type) : kinds_(kinds) {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  require(choose(type), "Choice", "there is no kind `{}`{}", type, did_you_mean(type, names));
}

bool Choice::choose(std::string_view type) {
  for (const Kind& kind : kinds_)
    if (kind.name == type) {
      if (type_ != type) options_ = kind.make();
      type_ = type;
      return true;
    }
  return false;
}

Choice& Variants::add(std::string name) {
  require(of != nullptr, "Variants", "there is nothing that `{}` could vary; set `of` before", name);
  all.push_back({std::move(name), std::make_shared<Choice>(of->kinds(), of->type())});
  Choice& choice = *all.back().choice;
  copy_fields(of->options(), choice.options());
  return choice;
}

void copy_fields(Options& from, Options& to) {
  Collector collector;
  from.describe(collector);
  Assigner assigner(collector);
  to.describe(assigner);
}

}  // namespace tempera
