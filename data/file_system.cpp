#include "data/file_system.h"

#include <atomic>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tempera {
namespace {

FileSystem& machine() {
  static FileSystem system;
  return system;
}

std::atomic<FileSystem*> g_stand_in = nullptr;

}  // namespace

int FileSystem::open(const char* path, int flags) {
  return ::open(path, flags | O_CLOEXEC, 0644);
}
ssize_t FileSystem::write(int file, const void* bytes, std::size_t count) {
  return ::write(file, bytes, count);
}
ssize_t FileSystem::read(int file, void* bytes, std::size_t count, off_t offset) {
  return ::pread(file, bytes, count, offset);
}
int FileSystem::truncate(int file, off_t size) {
  return ::ftruncate(file, size);
}
int FileSystem::sync(int file) {
  return ::fsync(file);
}
int FileSystem::close(int file) {
  return ::close(file);
}
int FileSystem::rename(const char* from, const char* to) {
  return ::rename(from, to);
}
int FileSystem::exchange(const char* one, const char* other) {
  return ::renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}
int FileSystem::make_folder(const char* path) {
  return ::mkdir(path, 0777);
}
int FileSystem::link(const char* target, const char* path) {
  return ::symlink(target, path);
}
int FileSystem::remove(const char* path) {
  return std::remove(path);
}

FileSystem& file_system() {
  FileSystem* other = g_stand_in;
  return other ? *other : machine();
}

FileSystemStandIn::FileSystemStandIn(FileSystem& other) : before_(g_stand_in.exchange(&other)) {}

FileSystemStandIn::~FileSystemStandIn() {
  g_stand_in = before_;
}

}  // namespace tempera
