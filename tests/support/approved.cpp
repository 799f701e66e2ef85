#include "tests/support/approved.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/support/source_file.h"

namespace tempera {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// What stands between the common beginning and the common end.
std::string difference(std::string_view approved, std::string_view text) {
  std::vector<std::string_view> old_lines = lines_of(approved), new_lines = lines_of(text);
  std::size_t first = 0;
  while (first < std::min(old_lines.size(), new_lines.size()) && old_lines[first] == new_lines[first]) ++first;
  while (std::min(old_lines.size(), new_lines.size()) > first && old_lines.back() == new_lines.back()) {
    old_lines.pop_back();
    new_lines.pop_back();
  }
  std::string result;
  for (std::size_t i = first; i < old_lines.size(); ++i) result += fmt::format("{:4} - {}\n", i + 1, old_lines[i]);
  for (std::size_t i = first; i < new_lines.size(); ++i) result += fmt::format("{:4} + {}\n", i + 1, new_lines[i]);
  return result.empty() ? "the ends of lines differ\n" : result;
}

}  // namespace

std::string approval_difference(std::string_view name, std::string_view text) {
  const std::filesystem::path path = source_file("tests/approved") / name;
  if (const char* approve = std::getenv("TEMPERA_APPROVE"); approve != nullptr && std::string_view(approve) == "1") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return {};
  }
  std::ifstream in(path, std::ios::binary);
  const std::string approved((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in && approved == text) return {};
  return fmt::format(
      "tests/approved/{} differs (- approved, + now):\n{}if the new text is right, run with TEMPERA_APPROVE=1", name,
      difference(approved, text));
}

}  // namespace tempera
