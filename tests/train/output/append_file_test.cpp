#include "train/output/append_file.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/resource.h>

#include "tests/support/folder.h"

using namespace tempera;

namespace {

// While it lives, no file can grow beyond so many bytes: what a full disk looks like.
struct SmallFiles {
  rlimit before{};
  void (*handler)(int);
  explicit SmallFiles(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
};

}  // namespace

TEST_CASE("a piece that does not fit leaves nothing, and later ones go on", "[output]") {
  const TestFolder folder;
  AppendFile file("test", folder.path / "log");
  file.append("first\n");
  {
    const SmallFiles limit(10);
    CHECK(folder.error_of([&] { file.append("second\n"); }) == "test: log: write failed: File too large");
    CHECK(contents_of(folder.path / "log") == "first\n");
  }
  file.append("third\n");
  CHECK(contents_of(folder.path / "log") == "first\nthird\n");
  CHECK(contents_of(AppendFile("test", folder.path / "log", 6).path()) == "first\n");
}

TEST_CASE("a link is not appended to", "[output]") {
  const TestFolder folder;
  folder.write("precious", "x");
  std::filesystem::create_symlink("precious", folder.path / "log");
  CHECK(folder.error_of([&] { AppendFile("test", folder.path / "log"); }) ==
        "test: log: open failed: Too many levels of symbolic links");
  CHECK(contents_of(folder.path / "precious") == "x");
}
