#include "data/open_file.h"

#include <system_error>
#include <utility>

#include "core/error.h"

namespace tempera {

void fail_system(std::string_view who, std::string_view path, std::string_view step) {
  fail(who, "{}: {} failed: {}", path, step, std::generic_category().message(errno));
}

OpenFile::OpenFile(std::string_view who, std::string path, int flags) : who_(who), path_(std::move(path)) {
  descriptor_ = persist([&] { return file_system().open(path_.c_str(), flags); });
  if (descriptor_ < 0) fail_system(who_, path_, "open");
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) file_system().close(descriptor_);
}

void OpenFile::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = persist([&] { return file_system().write(descriptor_, bytes.data(), bytes.size()); });
    if (n < 0) fail_system(who_, path_, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::size_t OpenFile::read(std::uint64_t offset, std::span<std::byte> to) const {
  const ssize_t n =
      persist([&] { return file_system().read(descriptor_, to.data(), to.size(), static_cast<off_t>(offset)); });
  if (n < 0) fail_system(who_, path_, "read");
  return static_cast<std::size_t>(n);
}

void OpenFile::truncate(std::uint64_t size) {
  if (persist([&] { return file_system().truncate(descriptor_, static_cast<off_t>(size)); }) < 0)
    fail_system(who_, path_, "truncate");
}

void OpenFile::sync() {
  if (persist([&] { return file_system().sync(descriptor_); }) < 0) fail_system(who_, path_, "fsync");
}

// Not repeated: Linux frees the descriptor in any case, and an interrupted call has done its work.
void OpenFile::close() {
  if (file_system().close(std::exchange(descriptor_, -1)) < 0 && errno != EINTR) fail_system(who_, path_, "close");
}

}  // namespace tempera
