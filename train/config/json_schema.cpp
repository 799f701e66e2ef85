#include "train/config/json_schema.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "train/config/words.h"

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json json_type() {
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  else if constexpr (std::is_same_v<T, std::string>) return "string";
  else if constexpr (std::is_same_v<T, double>) return "number";
  else return "integer";
}

Json bound(double value) {
  if (value == std::round(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);  // 1, not 1.0
  return value;
}

// As a double beyond 2^63: not every validator compares larger whole numbers.
template <class T>
Json largest() {
  if constexpr (std::is_unsigned_v<T>) return static_cast<double>(std::numeric_limits<T>::max());
  else return std::numeric_limits<T>::max();
}

// Type and rule of one value.
template <class T>
Json value_schema(const T*, const Rule& rule) {
  Json schema{{"type", json_type<T>()}};
  if (!rule.choices.empty()) schema["enum"] = rule.choices;
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    if (std::isfinite(rule.low)) schema[rule.open_low ? "exclusiveMinimum" : "minimum"] = bound(rule.low);
    else if (std::is_integral_v<T>) schema["minimum"] = std::numeric_limits<T>::min();
    if (std::isfinite(rule.high)) schema[rule.open_high ? "exclusiveMaximum" : "maximum"] = bound(rule.high);
    else if (std::is_integral_v<T>) schema["maximum"] = largest<T>();
  }
  return schema;
}
template <class T>
Json value_schema(const std::optional<T>*, const Rule& rule) {
  Json schema = value_schema(static_cast<const T*>(nullptr), rule);
  schema["type"] = {schema["type"], "null"};
  if (schema.contains("enum")) schema["enum"].push_back(nullptr);
  return schema;
}
template <class T>
Json value_schema(const std::vector<T>*, const Rule& rule) {
  return {{"type", "array"}, {"items", value_schema(static_cast<const T*>(nullptr), rule)}};
}

template <class T>
Json json_value(const T& value) {
  return value;
}
template <class T>
Json json_value(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// A family of kinds that holds itself (a wrapper around another of its family) is defined once and referred to.
struct Definitions {
  struct Family {
    const Kind* kinds;
    std::string type;  // the kind that holds unless told
    std::string name;
    bool referred;
  };
  std::vector<Family> open = {};  // being written, outermost first
  Json written = Json::object();
  int count = 0;
};

class SchemaBuilder : public Fields {
 public:
  SchemaBuilder(Json& properties, Definitions& definitions) : properties_(properties), definitions_(definitions) {}

  // The schema of a section: its keys and no others; nothing at all is an empty one.
  static Json section_schema(Options& options, Definitions& definitions) {
    Json schema{{"type", {"object", "null"}}, {"properties", Json::object()}, {"additionalProperties", false}};
    SchemaBuilder inside(schema["properties"], definitions);
    options.describe(inside);
    return schema;
  }

 protected:
  void field(std::string_view name, FieldValue value, std::string_view doc, const Rule& rule) override {
    std::visit(
        [&](const auto* field) {
          Json schema = value_schema(field, rule);
          schema["default"] = json_value(*field);
          add(name, doc, std::move(schema));
        },
        value);
  }
  void section(std::string_view name, Options& options, std::string_view doc) override {
    add(name, doc, section_schema(options, definitions_));
  }
  void choice(std::string_view name, Choice& choice, std::string_view doc) override {
    add(name, doc, choice_schema(name, choice));
  }
  void variants(std::string_view name, Variants&, std::string_view doc) override {
    add(name, doc, {{"type", {"object", "null"}}, {"additionalProperties", {{"type", {"object", "null"}}}}});
  }

 private:
  void add(std::string_view name, std::string_view doc, Json schema) {
    Json documented{{"description", doc}};
    if (schema.contains("$ref")) documented["allOf"] = Json::array({std::move(schema)});  // else $ref hides the rest
    else documented.update(schema);
    properties_[std::string(name)] = std::move(documented);
  }

  Json choice_schema(std::string_view name, Choice& choice) {
    std::vector<Definitions::Family>& open = definitions_.open;
    for (Definitions::Family& family : open)
      if (family.kinds == choice.kinds().data() && family.type == choice.type()) {
        family.referred = true;
        return {{"$ref", "#/definitions/" + family.name}};
      }
    open.push_back(
        {choice.kinds().data(), std::string(choice.type()), fmt::format("{}-{}", name, definitions_.count++), false});
    Json schema = kinds_schema(choice);
    const Definitions::Family family = open.back();
    open.pop_back();
    if (!family.referred) return schema;
    definitions_.written[family.name] = std::move(schema);
    return {{"$ref", "#/definitions/" + family.name}};
  }

  Json kinds_schema(Choice& choice) {
    std::string text = "one of:";
    for (const Kind& kind : choice.kinds()) text += fmt::format("\n- {}: {}", kind.name, kind.doc);
    Json schema{{"type", {"object", "null"}}};
    schema["properties"]["type"] = {{"description", text}, {"enum", kind_names(choice)}, {"default", choice.type()}};
    for (const Kind& kind : choice.kinds()) {
      const bool chosen = kind.name == choice.type();
      const std::unique_ptr<Options> fresh = chosen ? nullptr : kind.make();
      Json condition{{"properties", {{"type", {{"const", kind.name}}}}}};
      if (!chosen) condition["required"] = {"type"};  // without the key the chosen kind holds
      Json keys = section_schema(chosen ? choice.options() : *fresh, definitions_);
      keys.erase("type");
      keys["properties"]["type"] = true;
      schema["allOf"].push_back({{"if", std::move(condition)}, {"then", std::move(keys)}});
    }
    return schema;
  }

  Json& properties_;
  Definitions& definitions_;
};

}  // namespace

std::string json_schema(Options& options, std::string_view title) {
  Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", title}};
  Definitions definitions;
  schema.update(SchemaBuilder::section_schema(options, definitions));
  if (!definitions.written.empty()) schema["definitions"] = std::move(definitions.written);
  return schema.dump(2) + "\n";
}

}  // namespace tempera
