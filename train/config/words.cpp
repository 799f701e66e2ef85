#include "train/config/words.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/nearest.h"
#include "train/config/scalar.h"
#include "train/config/yaml_text.h"

namespace tempera {
namespace {

template <class T>
constexpr std::string_view kWords = "text";
template <>
constexpr std::string_view kWords<bool> = "true or false";
template <>
constexpr std::string_view kWords<int> = "whole number";
template <>
constexpr std::string_view kWords<std::int64_t> = "whole number";
template <>
constexpr std::string_view kWords<std::uint64_t> = "whole number";
template <>
constexpr std::string_view kWords<double> = "number";

template <class T>
std::string words(const T*) {
  return std::string(kWords<T>);
}
template <class T>
std::string words(const std::optional<T>*) {
  return fmt::format("{} or null", kWords<T>);
}
template <class T>
std::string words(const std::vector<T>*) {
  return fmt::format("list of {}s", kWords<T>);
}

std::string yaml(bool value) {
  return value ? "true" : "false";
}
template <class T>
requires std::is_arithmetic_v<T> std::string yaml(T value) {
  if constexpr (std::is_floating_point_v<T>)
    require(std::isfinite(value), "configuration", "{} cannot be written; numbers must be finite", value);
  return fmt::format("{}", value);  // shortest form that reads back to the same bits
}
std::string yaml(const std::string& value) {
  return quoted_if_needed(value);
}
template <class T>
std::string yaml(const std::optional<T>& value) {
  return value ? yaml(*value) : "null";
}
template <class T>
std::string yaml(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + yaml(value);
  return text + "]";
}

}  // namespace

std::string type_words(const FieldValue& value) {
  return std::visit([](const auto* field) { return words(field); }, value);
}

std::string rule_words(const Rule& rule) {
  if (!rule.choices.empty()) return fmt::format("must be one of {}", joined(rule.choices, true));
  const bool low = std::isfinite(rule.low), high = std::isfinite(rule.high);
  if (low && high && !rule.open_low && !rule.open_high)
    return fmt::format("must be between {} and {}", rule.low, rule.high);
  std::string text;
  if (low) text = fmt::format("must be {} {}", rule.open_low ? "above" : "at least", rule.low);
  if (high) text += fmt::format("{} {} {}", low ? " and" : "must be", rule.open_high ? "below" : "at most", rule.high);
  return text;
}

std::string rule_broken(const Rule& rule, double value) {
  const bool low = rule.open_low ? value > rule.low : value >= rule.low;
  const bool high = rule.open_high ? value < rule.high : value <= rule.high;
  return low && high ? std::string() : fmt::format("{}, got {}", rule_words(rule), value);
}

std::string rule_broken(const Rule& rule, const std::string& value) {
  if (rule.choices.empty() || std::ranges::find(rule.choices, value) != rule.choices.end()) return {};
  return fmt::format("{}, got `{}`{}", rule_words(rule), shortened(value), did_you_mean(value, rule.choices));
}

std::string yaml_text(const FieldValue& value) {
  return std::visit([](const auto* field) { return yaml(*field); }, value);
}

std::string quoted_if_needed(std::string_view text) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '/' || c == '-';
  };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/'; };
  if (!text.empty() && letter(text[0]) && std::ranges::all_of(text, harmless) && !means_something_else(text))
    return std::string(text);
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    require(length > 0, "configuration", "the text \"{}\" cannot be written: it is not UTF-8", shortened(text));
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') result += fmt::format("\\{}", text[i]);
    else if (c == '\n') result += "\\n";
    else if (c == '\t') result += "\\t";
    else if (c < 0x20 || c == 0x7f) result += fmt::format("\\x{:02x}", c);
    else result += text.substr(i, length);
    i += length;
  }
  return result + '"';
}

std::string joined(std::span<const std::string_view> names, bool quote) {
  if (quote) return names.empty() ? "" : fmt::format("`{}`", fmt::join(names, "`, `"));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string_view> kind_names(const Choice& choice) {
  std::vector<std::string_view> names;
  for (const Kind& kind : choice.kinds()) names.push_back(kind.name);
  return names;
}

std::string dotted(std::string_view section, std::string_view key) {
  return section.empty() ? std::string(key) : fmt::format("{}.{}", section, key);
}

}  // namespace tempera
