#include "data/files.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/support/folder.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

Bytes bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("replace_file puts a file in place of another", "[data][files]") {
  const TestFolder folder;
  const fs::path path = folder.path / "a";
  replace_file(path, bytes("one"));
  CHECK(contents_of(path) == "one");
  const std::array parts{bytes("tw"), bytes(""), bytes("o")};
  replace_file(path, parts);
  CHECK(contents_of(path) == "two");
  replace_file(path, bytes(""));
  CHECK(contents_of(path).empty());
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("replace_file that fails leaves what was there", "[data][files]") {
  const TestFolder folder;
  const std::string missing = (folder.path / "none" / "a").string();
  CHECK(folder.error_of([&] { replace_file(missing, bytes("x")); }) ==
        "replace_file: none/a.new: open failed: No such file or directory");
  fs::create_directories(folder.path / "taken" / "inside");
  const std::string taken = (folder.path / "taken").string();
  CHECK(folder.error_of([&] { replace_file(taken, bytes("x")); }) ==
        "replace_file: taken: rename failed: Is a directory");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("InputFile reads at any offset and says where the file ends", "[data][files]") {
  const TestFolder folder;
  const fs::path path = folder.path / "a";
  replace_file(path, bytes("0123456789"));
  const InputFile file(path);
  CHECK(file.size() == 10);
  std::string four(4, ' ');
  file.read(3, std::as_writable_bytes(std::span(four)));
  CHECK(four == "3456");
  CHECK(folder.error_of([&] { file.read(8, std::as_writable_bytes(std::span(four))); }) ==
        "read: a: the file ends at byte 10, 2 more were wanted");
  CHECK(folder.error_of([&] { InputFile(folder.path / "b"); }) == "read: b: open failed: No such file or directory");
  CHECK(folder.error_of([&] { InputFile(folder.path.string()); }) ==
        "read: " + folder.path.string() + ": not a regular file");
}

TEST_CASE("a pipe is no file to read, and nobody waits for its writer", "[data][files]") {
  const TestFolder folder;
  const fs::path pipe = folder.path / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(folder.error_of([&] { InputFile{pipe}; }) == "read: pipe: not a regular file");
}

TEST_CASE("what lies in the way of a new file is replaced, not written into", "[data][files]") {
  const TestFolder folder;
  const fs::path other = folder.write("other", "mine");
  fs::create_symlink("other", folder.path / "a.new");
  replace_file(folder.path / "a", bytes("x"));
  CHECK(contents_of(folder.path / "a") == "x");
  CHECK_FALSE(fs::is_symlink(folder.path / "a"));
  CHECK(contents_of(other) == "mine");
}

TEST_CASE("folders are made with those above them", "[data][files]") {
  const TestFolder folder;
  for (const char* name : {"a/b/c", "a/b/c/", "a/./e"}) make_folders(folder.path / name);
  CHECK(fs::is_directory(folder.path / "a/b/c"));
  CHECK(fs::is_directory(folder.path / "a/e"));
  folder.write("file", "");
  CHECK(folder.error_of([&] { make_folders(folder.path / "file"); }) == "folder: file: this is no folder");
  CHECK(folder.error_of([&] { make_folders(folder.path / "file/a"); }) ==
        "folder: file/a: mkdir failed: Not a directory");
}

TEST_CASE("removing does not follow links", "[data][files]") {
  const TestFolder folder;
  folder.write("kept/file", "x");
  folder.write("gone/inside/file", "y");
  fs::create_directory_symlink("../kept", folder.path / "gone/link");
  remove_tree(folder.path / "gone");
  remove_tree(folder.path / "nothing");
  CHECK_FALSE(fs::exists(folder.path / "gone"));
  CHECK(contents_of(folder.path / "kept/file") == "x");
}

TEST_CASE("a folder takes the place of another", "[data][files]") {
  const TestFolder folder;
  folder.write("new/a", "1");
  replace_folder(folder.path / "place", folder.path / "new");
  CHECK(contents_of(folder.path / "place/a") == "1");
  folder.write("new/b", "2");
  replace_folder(folder.path / "place", folder.path / "new");
  CHECK(contents_of(folder.path / "place/b") == "2");
  CHECK_FALSE(fs::exists(folder.path / "place/a"));
  CHECK_FALSE(fs::exists(folder.path / "new"));
}

TEST_CASE("where names cannot be exchanged, a folder is replaced all the same", "[data][files]") {
  struct Without : FileSystem {
    int exchange(const char*, const char*) override {
      errno = EINVAL;
      return -1;
    }
  } without;
  const FileSystemStandIn in(without);
  const TestFolder folder;
  folder.write("place/a", "1");
  folder.write("new/b", "2");
  replace_folder(folder.path / "place", folder.path / "new");
  CHECK(contents_of(folder.path / "place/b") == "2");
  CHECK_FALSE(fs::exists(folder.path / "new"));
}

TEST_CASE("a link that leads out of its folder is refused", "[data][files]") {
  const TestFolder folder;
  folder.write("secret", "x");
  folder.write("home/file", "y");
  fs::create_symlink("../secret", folder.path / "home/out");
  fs::create_symlink("file", folder.path / "home/in");
  const fs::path home = folder.path / "home";
  CHECK(inside(home, "file", "test") == home / "file");
  CHECK(inside(home, "in", "test") == home / "in");
  CHECK(inside(home, "missing", "test") == home / "missing");
  CHECK(folder.error_of([&] { inside(home, "out", "test"); }) ==
        "test: home/out is a link that leads out of its folder; put the file itself there");
}
