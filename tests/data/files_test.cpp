#include "data/files.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include "core/error.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Bytes bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("tempera_files_test.{}", ::getpid());
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("replace_file puts a file in place of another", "[data][files]") {
  const Folder folder;
  const fs::path path = folder.path / "a";
  replace_file(path, bytes("one"));
  CHECK(text_of(path) == "one");
  const std::array parts{bytes("tw"), bytes(""), bytes("o")};
  replace_file(path, parts);
  CHECK(text_of(path) == "two");
  replace_file(path, bytes(""));
  CHECK(text_of(path).empty());
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("replace_file that fails leaves what was there", "[data][files]") {
  const Folder folder;
  const std::string missing = (folder.path / "none" / "a").string();
  CHECK(error_of([&] { replace_file(missing, bytes("x")); }) ==
        "replace_file: " + missing + ".new: open failed: No such file or directory");
  fs::create_directories(folder.path / "taken" / "inside");
  const std::string taken = (folder.path / "taken").string();
  CHECK(error_of([&] { replace_file(taken, bytes("x")); }) ==
        "replace_file: " + taken + ": rename failed: Is a directory");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("InputFile reads at any offset and says where the file ends", "[data][files]") {
  const Folder folder;
  const fs::path path = folder.path / "a";
  replace_file(path, bytes("0123456789"));
  const InputFile file(path);
  CHECK(file.size() == 10);
  std::string four(4, ' ');
  file.read(3, std::as_writable_bytes(std::span(four)));
  CHECK(four == "3456");
  CHECK(error_of([&] { file.read(8, std::as_writable_bytes(std::span(four))); }) ==
        "read: " + path.string() + ": the file ends at byte 10, 2 more were wanted");
  CHECK(error_of([&] { InputFile(folder.path / "b"); }) ==
        "read: " + (folder.path / "b").string() + ": open failed: No such file or directory");
  CHECK(error_of([&] { InputFile(folder.path.string()); }) == "read: " + folder.path.string() + ": not a regular file");
}
