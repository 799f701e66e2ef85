// A file system on which one call fails, or the disk is full for a while. Nothing waits for the disk.
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <string>
#include <system_error>

#include "data/file_system.h"

namespace tempera {

enum class Fault { none, io_error, no_space, interrupted, short_write };

inline int error_number(Fault fault) {
  return fault == Fault::io_error ? EIO : fault == Fault::no_space ? ENOSPC : EINTR;
}

class FaultyFiles : public FileSystem {
 public:
  // The call number `nth`, from 0, has the fault. Short writes befall only calls of write.
  explicit FaultyFiles(int nth = -1, Fault fault = Fault::none) : nth_(nth), fault_(fault) {}

  int calls() const { return calls_; }
  bool failed() const { return !where_.empty(); }
  const std::string& where() const { return where_; }  // the path of the call that failed
  std::string reason() const { return std::generic_category().message(error_number(fault_)); }
  // While it is, nothing can be made or written.
  bool full = false;

  int open(const char* path, int flags) override {
    if (refused(path) || ((flags & O_CREAT) != 0 && is_full())) return -1;
    const int file = FileSystem::open(path, flags);
    if (file >= 0) paths_[file] = path;
    return file;
  }
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    const bool short_one = fault_ == Fault::short_write && calls_ == nth_ && count > 1;
    if (refused(paths_[file]) || is_full()) return -1;
    return FileSystem::write(file, bytes, short_one ? count / 2 : count);
  }
  ssize_t read(int file, void* bytes, std::size_t count, off_t offset) override {
    return refused(paths_[file]) ? -1 : FileSystem::read(file, bytes, count, offset);
  }
  int truncate(int file, off_t size) override { return refused(paths_[file]) ? -1 : FileSystem::truncate(file, size); }
  int sync(int file) override { return refused(paths_[file]) ? -1 : 0; }
  int close(int file) override {
    const bool fails = refused(paths_[file]);
    const int error = errno;
    const int done = FileSystem::close(file);  // the descriptor is gone in any case
    errno = fails ? error : errno;
    return fails ? -1 : done;
  }
  int rename(const char* from, const char* to) override { return refused(to) ? -1 : FileSystem::rename(from, to); }
  int exchange(const char* one, const char* other) override {
    return refused(other) ? -1 : FileSystem::exchange(one, other);
  }
  int make_folder(const char* path) override { return refused(path) || is_full() ? -1 : FileSystem::make_folder(path); }
  int link(const char* target, const char* path) override {
    return refused(path) || is_full() ? -1 : FileSystem::link(target, path);
  }
  int remove(const char* path) override { return refused(path) ? -1 : FileSystem::remove(path); }

 private:
  bool refused(const std::string& path) {
    if (calls_++ != nth_ || fault_ == Fault::none || fault_ == Fault::short_write) return false;
    where_ = path;
    errno = error_number(fault_);
    return true;
  }
  bool is_full() {
    if (full) errno = ENOSPC;
    return full;
  }

  int nth_, calls_ = 0;
  Fault fault_;
  std::string where_;
  std::map<int, std::string> paths_;  // of open files
};

}  // namespace tempera
