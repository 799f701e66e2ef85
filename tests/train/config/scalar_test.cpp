#include "train/config/scalar.h"

#include <catch2/catch.hpp>
#include <limits>

#include "train/config/yaml_text.h"

using namespace tempera;

namespace {

YamlNode plain(std::string text) {
  return {.kind = YamlNode::Kind::scalar, .place = {}, .text = std::move(text)};
}
YamlNode quoted(std::string text) {
  YamlNode node = plain(std::move(text));
  node.quoted = true;
  return node;
}

// What is said of a value that is refused; nothing may be set then.
template <class T>
std::string refused(const YamlNode& node, T value = {}) {
  const T before = value;
  std::string wrong = read_scalar(node, value);
  CHECK(value == before);
  CHECK_FALSE(wrong.empty());
  return wrong;
}

template <class T>
T accepted(std::string text) {
  T value{};
  CHECK(read_scalar(plain(std::move(text)), value) == "");
  return value;
}

}  // namespace

TEST_CASE("numbers at their bounds", "[config]") {
  CHECK(accepted<int>("+5") == 5);
  CHECK(accepted<int>("-2147483648") == std::numeric_limits<int>::min());
  CHECK(refused<int>(plain("2147483648")) == "wanted a whole number from -2147483648 to 2147483647, got `2147483648`");
  CHECK(accepted<std::int64_t>("+9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(refused<std::int64_t>(plain("-9223372036854775809"))
            .ends_with("9223372036854775807, got `-9223372036854775809`"));
  CHECK(accepted<std::uint64_t>("+18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK(refused<std::uint64_t>(plain("-1")) == "wanted a whole number from 0 to 18446744073709551615, got `-1`");
  CHECK(accepted<double>("+.5e+1") == 5);
  CHECK(accepted<double>("1.") == 1);
  CHECK(accepted<double>("-1.e-1") == -0.1);
  CHECK(refused<double>(plain("-1e-999")) ==
        "wanted a number that fits 64 bits (0, or 2.3e-308 to 1.7e308 in size), got `-1e-999`");
}

TEST_CASE("what is nearly a number is mended", "[config]") {
  CHECK(refused<int>(plain("-007")) == "wanted a whole number, got `-007`; write -7");
  CHECK(refused<std::int64_t>(plain("0_8")) == "wanted a whole number, got `0_8`; write 8");
  CHECK(refused<std::uint64_t>(plain("2e3")) == "wanted a whole number, got `2e3`; write 2000");
  CHECK(refused<std::uint64_t>(plain("2e30")) == "wanted a whole number, got `2e30`");
  CHECK(refused<std::uint64_t>(plain("1e999")) == "wanted a whole number, got `1e999`");
  CHECK(refused<double>(plain("1_000")) == "wanted a number, got `1_000`; write 1000");
  CHECK(refused<double>(plain("-00.5")) == "wanted a number, got `-00.5`; write -0.5");
  for (const char* text : {"", "+", "-", ".", "e5", "1e", "1e+", "--1", "+-1", "1 2", "0x10"})
    CHECK(refused<double>(plain(text)) == fmt::format("wanted a number, got `{}`", text));
  CHECK(refused<double>(quoted("0.5")) == "wanted a number, got the text \"0.5\"; remove the quotes");
  CHECK(refused<double>(quoted("half")) == "wanted a number, got the text \"half\"");
}

TEST_CASE("truth values are two words", "[config]") {
  CHECK(accepted<bool>("true"));
  CHECK_FALSE(accepted<bool>("false"));
  for (const char* text : {"True", "yes", "On", "Y", "1"})
    CHECK(refused<bool>(plain(text)) == fmt::format("wanted true or false, got `{}`; write true", text));
  for (const char* text : {"FALSE", "no", "off", "n", "0"})
    CHECK(refused<bool>(plain(text), true) == fmt::format("wanted true or false, got `{}`; write false", text));
  CHECK(refused<bool>(plain("2")) == "wanted true or false, got `2`");
  CHECK(refused<bool>(quoted("no")) == "wanted true or false, got the text \"no\"; remove the quotes");
  CHECK(refused<bool>(quoted("x")) == "wanted true or false, got the text \"x\"");
}

TEST_CASE("texts that a reader of YAML takes for something else want quotes", "[config]") {
  for (const char* text :
       {"12", "-1_000", ".5", "1e3", "0x1F", "+0o17", "0b1", "yes", "OFF", "null", "~", ".inf", "NaN"})
    CHECK(refused<std::string>(plain(text)) == fmt::format("wanted a text, got `{0}`; write \"{0}\"", text));
  for (const char* text : {"0x", "0y11", "0x1G", "1.2.3", "yesterday", "a"}) CHECK(accepted<std::string>(text) == text);
  CHECK(means_something_else(""));
  YamlNode null{.kind = YamlNode::Kind::null, .place = {}};
  CHECK(refused<std::string>(null) == "wanted a text, got nothing; write \"\" for an empty one");
  null.text = "~";
  CHECK(refused<std::string>(null) == "wanted a text, got null; write \"null\" if that is meant");
  CHECK(refused<std::string>({.kind = YamlNode::Kind::list, .place = {}}) == "wanted a text, got a list");
}

// RFC 3629: the shortest form of a code point, no surrogates, at most U+10FFFF.
TEST_CASE("characters of UTF-8 are known by their bytes", "[config]") {
  const auto encoded = [](std::uint32_t code, std::size_t length) {
    constexpr unsigned kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    std::string bytes(length, '\0');
    for (std::size_t i = length; i-- > 1; code >>= 6U) bytes[i] = static_cast<char>(0x80U | (code & 0x3FU));
    bytes[0] = static_cast<char>(kLead[length] | code);
    return bytes;
  };
  CHECK(utf8_length("") == 0);
  std::size_t wrong = 0;
  const std::uint32_t bounds[] = {0x80, 0x80, 0x800, 0x10000, 0x200000};  // of what 1, 2, 3 and 4 bytes can say
  for (std::size_t length = 1; length <= 4; ++length)
    for (std::uint32_t code = 0; code < bounds[length]; ++code) {
      const bool shortest = length == 1 || code >= bounds[length - 1];
      const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
      const std::size_t wanted = shortest && !surrogate && code <= 0x10FFFF ? length : 0;
      const std::string bytes = encoded(code, length);
      wrong += utf8_length(bytes + "z") != wanted;
      wrong += utf8_length(std::string_view(bytes).substr(0, length - 1)) != 0;
    }
  CHECK(wrong == 0);
  CHECK(utf8_length("\xC3(") == 0);
  CHECK(utf8_length("\xF8\x88\x80\x80\x80") == 0);
}

TEST_CASE("a quote is closed by its own kind, where no escape stands before it", "[config]") {
  for (const char* text : {"", "  ", "word", "'a'", "\"a\"", "'it''s'", "\"a\\\"b\"", "''", "&x 'a'", "!y \"a\"",
                           "\r\n 'a'", "&x", "'a\\'"})
    CHECK(quote_is_closed(text, 0));
  for (const char* text : {"'", "\"", "'it''s", "'a\"", "\"a'", "\"a\\\"", "&x \"a", "\n\n'a", "'''", "\"a\\"})
    CHECK_FALSE(quote_is_closed(text, 0));
  CHECK(quote_is_closed("'a' 'b", 3) == false);
  CHECK(quote_is_closed("'a", 7));
}
