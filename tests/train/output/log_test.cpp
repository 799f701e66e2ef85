#include "train/output/log.h"

#include <catch2/catch.hpp>
#include <regex>

#include "tests/support/folder.h"

using namespace tempera;

TEST_CASE("messages go to the console from a level on, and all to the file", "[output]") {
  const TestFolder folder;
  std::FILE* out = std::fopen((folder.path / "out").c_str(), "w");
  {
    Console console(out, {});
    const Logging logging(console, folder.path / "log.txt", LogLevel::info);
    log(LogLevel::debug, "shape {}", "[2, 3]");
    log(LogLevel::info, "{} parameters", 12);
    log(LogLevel::warning, "braces {} stay", "{}");
    log_text(LogLevel::error, "no {format} at all");
    log_to_file("{} only there");
  }
  std::fclose(out);
  CHECK(contents_of(folder.path / "out") == "12 parameters\nwarning: braces {} stay\nerror: no {format} at all\n");
  const std::string file = contents_of(folder.path / "log.txt");
  CHECK(std::regex_match(
      file, std::regex("[-0-9]{10} [:0-9]{8}  debug    shape \\[2, 3\\]\n[-0-9]{10} [:0-9]{8}  info     12 parameters\n"
                       "[-0-9]{10} [:0-9]{8}  warning  braces \\{\\} stay\n"
                       "[-0-9]{10} [:0-9]{8}  error    no \\{format\\} at all\n"
                       "[-0-9]{10} [:0-9]{8}  info     \\{\\} only there\n")));
  log_to_file("to nowhere");
}

TEST_CASE("a log goes on where it stopped", "[output]") {
  const TestFolder folder;
  std::FILE* out = std::fopen((folder.path / "out").c_str(), "w");
  for (const char* text : {"one", "two"}) {
    Console console(out, {});
    const Logging logging(console, folder.path / "log.txt", LogLevel::error);
    log(LogLevel::info, "{}", text);
  }
  std::fclose(out);
  CHECK(contents_of(folder.path / "out").empty());
  const std::string file = contents_of(folder.path / "log.txt");
  CHECK(std::count(file.begin(), file.end(), '\n') == 2);
}

TEST_CASE("levels have names", "[output]") {
  CHECK(log_level("warning") == LogLevel::warning);
  CHECK_THROWS_WITH(log_level("loud"), "log: there is no level 'loud'; the levels are debug, info, warning, error");
}
