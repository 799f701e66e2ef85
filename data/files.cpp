#include "data/files.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "core/error.h"

namespace tempera {
namespace {

[[noreturn]] void fail_system(std::string_view who, const std::string& path, std::string_view step) {
  fail(who, "{}: {} failed: {}", path, step, std::generic_category().message(errno));
}

// Repeats a system call that a signal interrupted.
template <class F>
auto persist(F call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Output {
 public:
  Output(std::string path, int flags) : path_(std::move(path)) {
    descriptor_ = persist([&] { return ::open(path_.c_str(), flags | O_CLOEXEC, 0644); });
    if (descriptor_ < 0) fail_system("replace_file", path_, "open");
  }
  ~Output() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t n = persist([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
      if (n < 0) fail_system("replace_file", path_, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  void sync() {
    if (persist([&] { return ::fsync(descriptor_); }) < 0) fail_system("replace_file", path_, "fsync");
  }
  // Some file systems tell only here that the disk is full. Not repeated: Linux frees the descriptor in any case.
  void close() {
    if (::close(std::exchange(descriptor_, -1)) < 0) fail_system("replace_file", path_, "close");
  }

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path.string()) {
  descriptor_ = persist([&] { return ::open(path_.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor_ < 0) fail_system("read", path_, "open");
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(descriptor_);
  if (!known) fail_system("read", path_, "stat");
  fail("read", "{}: not a regular file", path_);
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t n = persist([&] { return ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset)); });
    if (n < 0) fail_system("read", path_, "read");
    require(n > 0, "read", "{}: the file ends at byte {}, {} more were wanted", path_, offset, to.size());
    offset += static_cast<std::uint64_t>(n);
    to = to.subspan(static_cast<std::size_t>(n));
  }
}

void replace_file(const std::filesystem::path& path, std::span<const Bytes> parts) {
  const std::string target = path.string(), fresh = target + ".new";
  try {
    Output file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
    for (Bytes part : parts) file.write(part);
    file.sync();
    file.close();
    if (::rename(fresh.c_str(), target.c_str()) < 0) fail_system("replace_file", target, "rename");
  } catch (const Error&) {
    ::unlink(fresh.c_str());
    throw;
  }
  // The rename itself is on the disk only when the folder is.
  const std::string folder = path.parent_path().string();
  Output(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace tempera
