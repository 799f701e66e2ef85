// Whole files and folders: reading at an offset, and changes of which a reader or a power cut never sees half.
//
// All that a run keeps is written by these functions and by AppendFile (train/output/append_file.h), which call a
// FileSystem (data/file_system.h). Each throws Error with the path, the step that failed and the system's reason.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "data/open_file.h"

namespace tempera {

// An open file of fixed size. Links are followed; pipes and devices are refused.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }
  // Fills `to` with the bytes from `offset` on. Throws Error when the file ends before.
  void read(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  OpenFile file_;
  std::uint64_t size_ = 0;
};

// All of a file that fits into memory.
std::string read_text(const std::filesystem::path& path);

// Puts the parts, one after the other, in place of `path`: written to "<path>.new", synced, renamed, and the folder
// synced. At every instant, also after a kill or a power cut, `path` is the whole old or the whole new file. What fails
// leaves the old file untouched and removes the new one.
// Two writers of one path at the same time are the caller's to prevent.
void replace_file(const std::filesystem::path& path, std::span<const Bytes> parts);
inline void replace_file(const std::filesystem::path& path, Bytes bytes) {
  replace_file(path, std::span(&bytes, 1));
}
// The same for a symbolic link.
void replace_link(const std::filesystem::path& path, const std::filesystem::path& target);

// The folder and those above it, where there are none; on the disk when it returns.
void make_folders(const std::filesystem::path& folder);
void sync_folder(const std::filesystem::path& folder);
// Puts `fresh`, whose contents are synced, in place of `folder`, in one instant where the file system can exchange
// names, and removes what stood there.
void replace_folder(const std::filesystem::path& folder, const std::filesystem::path& fresh);
// A file, a link or a folder with all in it. Links are not followed. Nothing where there is nothing.
void remove_tree(const std::filesystem::path& path);

// folder/name; throws Error(who) where a link leads out of the folder, as one in a stranger's folder may.
std::filesystem::path inside(const std::filesystem::path& folder, std::string_view name, std::string_view who);

}  // namespace tempera
