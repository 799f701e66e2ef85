#include "tests/support/schema_check.h"

#include <algorithm>
#include <fmt/format.h>

namespace tempera {
namespace {

using Json = nlohmann::ordered_json;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  throw std::logic_error("unknown type " + type);
}

bool contains(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string check(const Json& root, const Json& schema, const Json& value) {
  if (schema.is_boolean()) return schema.get<bool>() ? "" : "nothing is allowed";
  const bool number = value.is_number();
  for (const auto& [keyword, rule] : schema.items()) {
    bool holds = true;
    if (keyword == "type") {
      holds = rule.is_array() ? std::ranges::any_of(rule, [&](const Json& type) { return has_type(value, type); })
                              : has_type(value, rule);
    } else if (keyword == "enum") {
      holds = contains(rule, value);
    } else if (keyword == "const") {
      holds = value == rule;
    } else if (keyword == "minimum") {
      holds = !number || value >= rule;
    } else if (keyword == "maximum") {
      holds = !number || value <= rule;
    } else if (keyword == "exclusiveMinimum") {
      holds = !number || value > rule;
    } else if (keyword == "exclusiveMaximum") {
      holds = !number || value < rule;
    } else if (keyword == "required") {
      for (const Json& key : rule) holds = holds && (!value.is_object() || value.contains(key.get<std::string>()));
    } else if (keyword == "properties") {
      for (const auto& [key, below] : rule.items())
        if (value.is_object() && value.contains(key))
          if (const std::string wrong = check(root, below, value[key]); !wrong.empty()) return key + ": " + wrong;
    } else if (keyword == "additionalProperties") {
      if (value.is_object())
        for (const auto& [key, further] : value.items()) {
          if (schema.contains("properties") && schema["properties"].contains(key)) continue;
          if (const std::string wrong = check(root, rule, further); !wrong.empty()) return key + ": " + wrong;
        }
    } else if (keyword == "items") {
      if (value.is_array())
        for (const Json& item : value)
          if (const std::string wrong = check(root, rule, item); !wrong.empty()) return "item: " + wrong;
    } else if (keyword == "allOf") {
      for (const Json& part : rule)
        if (const std::string wrong = check(root, part, value); !wrong.empty()) return wrong;
    } else if (keyword == "if") {
      if (check(root, rule, value).empty())
        if (const std::string wrong = check(root, schema.at("then"), value); !wrong.empty()) return wrong;
    } else if (keyword == "$ref") {
      const std::string path = rule.get<std::string>().substr(1);
      if (const std::string wrong = check(root, root.at(Json::json_pointer(path)), value); !wrong.empty()) return wrong;
    } else if (keyword != "then" && keyword != "description" && keyword != "default" && keyword != "title" &&
               keyword != "$schema" && keyword != "definitions") {
      throw std::logic_error("unknown keyword " + keyword);
    }
    if (!holds) return fmt::format("{} {} against {}", keyword, rule.dump(), value.dump());
  }
  return {};
}

}  // namespace

std::string schema_violation(const Json& root, const Json& value) {
  return check(root, root, value);
}

}  // namespace tempera
