// A file that one process holds at a time, also one on another machine where the file system is shared and knows locks.
#pragma once

#include <filesystem>

namespace tempera {

class FileLock {
 public:
  enum class Wait { no, yes };
  // Opens or makes the file, for writing at its end. Throws Error where that cannot be done.
  FileLock(const std::filesystem::path& file, Wait wait);
  ~FileLock();  // processes that were given the descriptor hold the file on as long as they live
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // False where another process holds it. Where the file system knows no locks, nobody does.
  bool held() const { return held_; }
  int descriptor() const { return descriptor_; }
  void clear() const;  // removes the contents

 private:
  int descriptor_ = -1;
  bool held_ = true;
};

}  // namespace tempera
