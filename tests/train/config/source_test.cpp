#include "train/config/source.h"

#include <catch2/catch.hpp>

#include "train/config/yaml_text.h"

using namespace tempera;

namespace {

ConfigProblem told(std::string text, Place place) {
  Problems problems;
  problems.add_source({"a.yaml", std::move(text)});
  problems.add(place, "wrong");
  const std::vector<ConfigProblem> all = problems.sorted();
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

TEST_CASE("an excerpt of a long line begins and ends between characters", "[config]") {
  // "é" takes two bytes. Lines of 300 of them; the excerpt begins 70 bytes before the column and has 110.
  std::string line;
  for (int i = 0; i < 300; ++i) line += "\xc3\xa9";
  for (const std::string& text : {line, "x" + line}) {
    const bool odd = text[0] == 'x';
    const ConfigProblem problem = told("a: 1\n" + text + "\n", {0, 1, odd ? 201 : 200});
    CHECK(problem.line == 2);
    CHECK(problem.column == (odd ? 102 : 101));
    const std::string::size_type end = problem.excerpt.find('\n');
    const std::string shown = problem.excerpt.substr(0, end);
    CHECK(shown.starts_with("   2 | ...\xc3\xa9"));
    CHECK(shown.ends_with("\xc3\xa9..."));
    for (std::size_t i = 0; i < shown.size();) {
      const std::size_t length = utf8_length(std::string_view(shown).substr(i));
      REQUIRE(length > 0);
      i += length;
    }
    // 35 characters and three dots stand before the mark.
    CHECK(problem.excerpt.substr(end) == "\n     | " + std::string(3 + 35, ' ') + "^");
  }
}

TEST_CASE("a cut within a character takes it whole", "[config]") {
  // The cuts fall at bytes 120 - 70 = 50 and 160, of characters of four bytes that begin at odd places.
  std::string line = "x";
  for (int i = 0; i < 100; ++i) line += "\xf0\x9f\x98\x80";
  const ConfigProblem problem = told(line, {0, 0, 121});
  const std::string shown = problem.excerpt.substr(0, problem.excerpt.find('\n'));
  CHECK(shown.size() == std::string("   1 | ...").size() + 112 + 3);
}

TEST_CASE("an excerpt of bytes that are no UTF-8 stays within its line", "[config]") {
  const ConfigProblem problem = told(std::string(300, '\x80'), {0, 0, 200});
  CHECK(problem.line == 1);
  CHECK(problem.excerpt.ends_with("^"));
}

TEST_CASE("a place beyond the text has an empty excerpt", "[config]") {
  const ConfigProblem problem = told("a: 1\n", {0, 7, 3});
  CHECK(problem.where() == "a.yaml:8:1");
  CHECK(problem.excerpt == "   8 | \n     | ^");
}

TEST_CASE("line ends of other systems are not shown", "[config]") {
  CHECK(told("a: 1\r\nb: 2\r\n", {0, 1, 3}).excerpt == "   2 | b: 2\n     |    ^");
  CHECK(first_line("ab\r\ncd") == "ab");
  CHECK(first_line("") == "");
}

TEST_CASE("tabs may stand in lines that say nothing", "[config]") {
  const auto fine = [](std::string text) {
    Problems problems;
    return check_text(problems.add_source({"a.yaml", std::move(text)}), problems);
  };
  CHECK(fine("a: 1\n\t\n \t # words\n\t\t\r\nb:\t2\n\t"));
  CHECK_FALSE(fine("a:\n \tb: 1\n"));
}
