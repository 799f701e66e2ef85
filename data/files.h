// Whole files: reading at an offset, and replacing so that a reader or a power cut never sees half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace tempera {

using Bytes = std::span<const std::byte>;

// An open file of fixed size. Throws Error with the path and the system's reason.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }
  // Fills `to` with the bytes from `offset` on. Throws Error when the file ends before.
  void read(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

// Puts the parts, one after the other, in place of `path`: written to "<path>.new", synced, renamed, and the folder
// synced. At every instant, also after a kill or a power cut, `path` is the whole old or the whole new file.
// Throws Error with the failing step and the system's reason; the old file is then untouched, the new one removed.
// Two writers of one path at the same time are the caller's to prevent.
void replace_file(const std::filesystem::path& path, std::span<const Bytes> parts);
inline void replace_file(const std::filesystem::path& path, Bytes bytes) {
  replace_file(path, std::span(&bytes, 1));
}

}  // namespace tempera
