// A folder that is there for one test, and the message of the error that a call throws.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>

#include "core/error.h"

namespace tempera {

struct TestFolder {
  std::filesystem::path path;

  TestFolder() {
    static int count = 0;
    path = std::filesystem::temp_directory_path() / fmt::format("tempera_test_{}_{}", ::getpid(), count++);
    std::filesystem::create_directories(path);
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  // Writes a file, and the folders above it.
  std::filesystem::path write(const std::string& name, std::string_view contents) const {
    const std::filesystem::path file = path / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << contents;
    return file;
  }

  // The whole text of the Error that f throws, without this folder's own name, which differs from run to run.
  template <class F>
  std::string error_of(F&& f) const {
    std::string text = "no error";
    try {
      f();
    } catch (const Error& error) {
      text = error.what();
    }
    const std::string own = path.string() + "/";
    for (auto at = text.find(own); at != std::string::npos; at = text.find(own)) text.erase(at, own.size());
    return text;
  }
};

inline std::string contents_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace tempera
