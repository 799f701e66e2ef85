// A file that only grows. A piece is handed to the system in one call, so whoever reads meanwhile, or after a kill,
// sees whole pieces but for the last.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "data/open_file.h"

namespace tempera {

class AppendFile {
 public:
  // Keeps the first `keep` bytes of what is there. Throws Error(who) with the path, the failing step and the system's
  // reason, as append and sync do. A link in the place of the file is refused: its target may be anything.
  AppendFile(std::string_view who, const std::filesystem::path& path, std::uint64_t keep = 0);

  // All of it or, where that fails, nothing.
  void append(std::string_view bytes);
  // What was appended outlasts a power cut.
  void sync() { file_.sync(); }
  std::filesystem::path path() const { return file_.path(); }

 private:
  void cut();
  OpenFile file_;
  std::uint64_t size_;
  bool torn_ = false;  // half a piece stands at the end, which could not be cut off
};

}  // namespace tempera
