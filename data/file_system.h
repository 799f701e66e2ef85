// The system calls behind everything that a run saves and reads back, as one small class: a test lets the Nth of them
// fail, or records them and plays a power cut. Each does, returns and leaves in errno what POSIX says.
#pragma once

#include <cstddef>
#include <sys/types.h>

namespace tempera {

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual int open(const char* path, int flags);  // flags of fcntl.h; a file made here gets mode 0644
  virtual ssize_t write(int file, const void* bytes, std::size_t count);
  virtual ssize_t read(int file, void* bytes, std::size_t count, off_t offset);
  virtual int truncate(int file, off_t size);
  virtual int sync(int file);  // of a file or a folder: fsync
  virtual int close(int file);
  virtual int rename(const char* from, const char* to);
  virtual int exchange(const char* one, const char* other);  // both names, in one instant
  virtual int make_folder(const char* path);
  virtual int link(const char* target, const char* path);  // symbolic
  virtual int remove(const char* path);                    // a file, a link or an empty folder
};

// The machine's, unless another stands in.
FileSystem& file_system();

// While it lives, `other` stands in. For one thread at a time: whoever writes meanwhile writes through it.
class FileSystemStandIn {
 public:
  explicit FileSystemStandIn(FileSystem& other);
  ~FileSystemStandIn();
  FileSystemStandIn(const FileSystemStandIn&) = delete;
  FileSystemStandIn& operator=(const FileSystemStandIn&) = delete;

 private:
  FileSystem* before_;
};

}  // namespace tempera
