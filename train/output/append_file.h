// A file that only grows. A piece is handed to the system in one call, so whoever reads meanwhile, or after a kill,
// sees whole pieces but for the last.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace tempera {

class AppendFile {
 public:
  // Keeps the first `keep` bytes of what is there. Throws Error(who) with the path, the failing step and the system's
  // reason, as append does.
  AppendFile(std::string_view who, std::filesystem::path path, std::uint64_t keep = 0);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // All of it or, where that fails, nothing.
  void append(std::string_view bytes);
  const std::filesystem::path& path() const { return path_; }

 private:
  void require_done(bool done, std::string_view step) const;
  std::string who_;
  std::filesystem::path path_;
  int descriptor_;
  off_t size_ = 0;
};

}  // namespace tempera
