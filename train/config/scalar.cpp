#include "train/config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tempera {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

std::string_view without_sign(std::string_view text) {
  return text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
}

bool is_whole(std::string_view text) {
  text = without_sign(text);
  return !text.empty() && digits(text) == text.size();
}

// As in the core schema of YAML 1.2: [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_number(std::string_view text) {
  text = without_sign(text);
  const std::size_t before = digits(text);
  text.remove_prefix(before);
  std::size_t after = 0;
  if (text.starts_with('.')) {
    after = digits(text.substr(1));
    text.remove_prefix(1 + after);
  }
  if (before + after == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) return is_whole(text.substr(1));
  return text.empty();
}

// `010` and `-007.5`, but not `0` and `0.5`.
bool has_leading_zero(std::string_view text) {
  text = without_sign(text);
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

std::string without_leading_zeros(std::string_view text) {
  std::string_view number = without_sign(text);
  while (has_leading_zero(number)) number.remove_prefix(1);
  return fmt::format("{}{}", text.starts_with('-') ? "-" : "", number);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

template <std::size_t n>
bool is_one_of(std::string_view text, const std::array<std::string_view, n>& words) {
  return std::ranges::find(words, lower(text)) != words.end();
}

constexpr std::array<std::string_view, 4> kTrue{"true", "yes", "on", "y"};
constexpr std::array<std::string_view, 4> kFalse{"false", "no", "off", "n"};
constexpr std::array<std::string_view, 2> kNull{"null", "~"};
constexpr std::array<std::string_view, 9> kNotFinite{"inf",   "nan",  "infinity", ".inf", "+.inf",
                                                     "-.inf", ".nan", "-inf",     "+inf"};

bool is_based(std::string_view text) {  // 0x1F, 0o17, 0b1
  text = without_sign(text);
  return text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b') &&
         text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
}

std::string wanted(std::string_view what, const YamlNode& node, std::string_view mend = {}) {
  return fmt::format("wanted {}, got {}{}{}", what, what_stands(node), mend.empty() ? "" : "; ", mend);
}

// False, and `value` is left, where a text that is_whole or is_number says more than T holds.
template <class T>
bool parse(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T read{};
  if (std::from_chars(text.data(), text.data() + text.size(), read).ec != std::errc()) return false;
  value = read;
  return true;
}

// How a number that is no plain decimal whole number would be written as one; empty when it is none.
std::string as_whole(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  double value = 0;
  if (is_whole(plain)) return without_leading_zeros(plain);
  if (!is_number(plain) || !parse(plain, value)) return {};
  return value == std::round(value) && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value) : std::string();
}

template <class T>
std::string read_whole(const YamlNode& node, T& value) {
  constexpr std::string_view what = "a whole number";
  if (node.kind != YamlNode::Kind::scalar) return wanted(what, node);
  const std::string& text = node.text;
  if (node.quoted) return wanted(what, node, is_whole(text) ? "remove the quotes" : "");
  if (!is_whole(text) || has_leading_zero(text)) {
    const std::string mend = as_whole(text);
    return wanted(what, node, mend.empty() ? "" : fmt::format("write {}", mend));
  }
  if (parse(text, value)) return {};
  using Limits = std::numeric_limits<T>;
  return wanted(fmt::format("a whole number from {} to {}", Limits::min(), Limits::max()), node);
}

}  // namespace

std::string what_stands(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null: return node.text.empty() ? "nothing" : "null";
    case YamlNode::Kind::list: return "a list";
    case YamlNode::Kind::map: return "a section";
    default: break;
  }
  const std::string text = shortened(node.text);
  return node.quoted ? fmt::format("the text \"{}\"", text) : fmt::format("`{}`", text);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 48;
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (i >= kMost && (c & 0xC0U) != 0x80U) return result + "...";
    if (c == '\n') result += "\\n";
    else if (c < 0x20 || c == 0x7f) result += fmt::format("\\x{:02x}", c);
    else result += text[i];
  }
  return result;
}

bool means_something_else(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  return text.empty() || is_number(plain) || is_based(plain) || is_one_of(text, kTrue) || is_one_of(text, kFalse) ||
         is_one_of(text, kNull) || is_one_of(text, kNotFinite);
}

std::string read_scalar(const YamlNode& node, bool& value) {
  constexpr std::string_view what = "true or false";
  if (node.kind != YamlNode::Kind::scalar) return wanted(what, node);
  const bool yes = is_one_of(node.text, kTrue), no = is_one_of(node.text, kFalse);
  if (node.quoted) return wanted(what, node, yes || no ? "remove the quotes" : "");
  if (node.text != "true" && node.text != "false")
    return wanted(what, node, yes || node.text == "1" ? "write true" : no || node.text == "0" ? "write false" : "");
  value = node.text == "true";
  return {};
}

std::string read_scalar(const YamlNode& node, int& value) {
  return read_whole(node, value);
}
std::string read_scalar(const YamlNode& node, std::int64_t& value) {
  return read_whole(node, value);
}
std::string read_scalar(const YamlNode& node, std::uint64_t& value) {
  return read_whole(node, value);
}

std::string read_scalar(const YamlNode& node, double& value) {
  if (node.kind != YamlNode::Kind::scalar) return wanted("a number", node);
  const std::string& text = node.text;
  if (node.quoted) return wanted("a number", node, is_number(text) ? "remove the quotes" : "");
  if (is_one_of(text, kNotFinite)) return wanted("a finite number", node);
  if (!is_number(text)) {
    const std::string mend = as_whole(text);
    return wanted("a number", node, mend.empty() ? "" : fmt::format("write {}", mend));
  }
  if (has_leading_zero(text)) return wanted("a number", node, fmt::format("write {}", without_leading_zeros(text)));
  if (parse(text, value)) return {};
  return wanted("a number that fits 64 bits (0, or 2.3e-308 to 1.7e308 in size)", node);
}

std::string read_scalar(const YamlNode& node, std::string& value) {
  if (node.kind == YamlNode::Kind::null)
    return wanted("a text", node,
                  node.text.empty() ? "write \"\" for an empty one" : "write \"null\" if that is meant");
  if (node.kind != YamlNode::Kind::scalar) return wanted("a text", node);
  if (!node.quoted && means_something_else(node.text))
    return wanted("a text", node, fmt::format("write \"{}\"", shortened(node.text)));
  value = node.text;
  return {};
}

}  // namespace tempera
