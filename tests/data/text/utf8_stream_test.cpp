#include "data/text/utf8_stream.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace tempera;

namespace {

// Cut at every place that the bits of `cuts` say.
std::string streamed(const std::string& bytes, unsigned cuts) {
  Utf8Stream stream;
  std::string text;
  std::size_t begin = 0;
  for (std::size_t end = 1; end <= bytes.size(); ++end)
    if (end == bytes.size() || (cuts >> (end - 1) & 1u) != 0) {
      text += stream.push(std::string_view(bytes).substr(begin, end - begin));
      begin = end;
    }
  return text + stream.finish();
}

const std::string kMark = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

TEST_CASE("a character is given on when its last byte has come", "[text]") {
  Utf8Stream stream;
  CHECK(stream.push("a\xC3") == "a");
  CHECK(stream.push("\xA9") == "\xC3\xA9");
  CHECK(stream.push("\xF0").empty());
  CHECK(stream.push("\x9F\x98").empty());
  CHECK(stream.push("\x80!") == "\xF0\x9F\x98\x80!");
  CHECK(stream.finish().empty());
  CHECK(stream.push("\xE2\x82").empty());
  CHECK(stream.finish() == kMark);
  CHECK(stream.finish().empty());
}

TEST_CASE("what is not UTF-8 is replaced as Python does it, however it was cut", "[text]") {
  struct Case {
    std::string bytes, text;
  };
  // bytes.decode("utf-8", "replace")
  const std::vector<Case> cases{
      {"\xE2\x82"
       "A",
       kMark + "A"},
      {"\xFF", kMark},
      {"\xC0\x80", kMark + kMark},
      {"\xE0\x80\x80", kMark + kMark + kMark},
      {"\xED\xA0\x80", kMark + kMark + kMark},
      {"\xF0\x9F\x98", kMark},
      {"\xF0\x90\x80"
       "A",
       kMark + "A"},
      {"\xF4\x90\x80\x80", kMark + kMark + kMark + kMark},
      {"\xF1\x80\xC3\xA9", kMark + "\xC3\xA9"},
      {"a\x80"
       "b",
       "a" + kMark + "b"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
       "A",
       kMark + kMark + kMark + kMark + "A"},
      {"\xF4\x8F\xBF\xBF\xEE\x80\x80\xC2\x80", "\xF4\x8F\xBF\xBF\xEE\x80\x80\xC2\x80"},
  };
  for (const Case& c : cases)
    for (unsigned cuts = 0; cuts < 1u << (c.bytes.size() - 1); ++cuts) CHECK(streamed(c.bytes, cuts) == c.text);
}
