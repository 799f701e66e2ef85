#include "data/digits.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/source_file.h"

using namespace tempera;

namespace {

std::string message(const std::string& contents) {
  const auto file = std::filesystem::current_path() / "tempera_digits_test.csv";
  std::ofstream(file) << contents;
  std::string text = "no error";
  try {
    read_digits(file);
  } catch (const Error& e) {
    text = e.what();
  }
  std::filesystem::remove(file);
  // The folder differs from machine to machine.
  const std::string folder = file.parent_path().string() + "/";
  if (const auto at = text.find(folder); at != std::string::npos) text.erase(at, folder.size());
  return text;
}

std::string line(const std::string& label) {
  std::string text;
  for (int i = 0; i < 64; ++i) text += "16,";
  return text + label + "\n";
}

}  // namespace

TEST_CASE("the digits that come with the repository", "[digits]") {
  const Digits digits = read_digits(source_file("data/files/digits.csv"));
  CHECK(digits.pixels.shape() == Shape{1797, 64});
  CHECK(digits.classes.shape() == Shape{1797});
  std::array<int, 10> count{};
  for (Index i = 0; i < 1797; ++i) ++count[static_cast<std::size_t>(digits.classes.at(i))];
  // scikit-learn's own count of each class.
  CHECK(count == std::array<int, 10>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(digits.pixels.at(2) == 5.0 / 16);  // the file begins 0,0,5,13
  CHECK(digits.pixels.at(3) == 13.0 / 16);
}

TEST_CASE("bad digit files are refused with file and line", "[digits][errors]") {
  CHECK(message(line("9")) == "no error");
  CHECK(message("") == "digits: 'tempera_digits_test.csv' holds no digit");
  CHECK(message(line("3") + line("10")) ==
        "digits: tempera_digits_test.csv:2: number 65 is '10'; an integer in 0..9 was wanted");
  CHECK(message("1,2,17\n") == "digits: tempera_digits_test.csv:1: number 3 is '17'; an integer in 0..16 was wanted");
  CHECK(message("1,x\n") == "digits: tempera_digits_test.csv:1: number 2 is 'x'; an integer in 0..16 was wanted");
  CHECK(message("1,2\n") == "digits: tempera_digits_test.csv:1: the line has fewer than 65 numbers");
  CHECK(message(line("3,4")) == "digits: tempera_digits_test.csv:1: the line has more than 65 numbers");
  CHECK_THROWS_WITH(read_digits("no/such/file.csv"), "digits: 'no/such/file.csv' cannot be opened");
}
