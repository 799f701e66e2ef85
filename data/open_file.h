// An open file or folder. Calls that a signal interrupts are repeated; one that fails is an Error(who) with the path,
// the step and the system's reason: "replace_file: runs/a/run.json.new: write failed: No space left on device".
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/file_system.h"

namespace tempera {

using Bytes = std::span<const std::byte>;

// Throws the Error of a step that failed with errno.
[[noreturn]] void fail_system(std::string_view who, std::string_view path, std::string_view step);

// call(), again while a signal interrupts it.
template <class F>
auto persist(F&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class OpenFile {
 public:
  OpenFile(std::string_view who, std::string path, int flags);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }
  std::string_view who() const { return who_; }

  void write(Bytes bytes);
  // Bytes from `offset` on; fewer than wanted where the file ends, 0 at its end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const;
  void truncate(std::uint64_t size);
  void sync();
  // Some file systems tell only here that the disk is full.
  void close();

 private:
  std::string who_, path_;
  int descriptor_;
};

}  // namespace tempera
