#include "train/output/append_file.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "core/error.h"

namespace tempera {

AppendFile::AppendFile(std::string_view who, std::filesystem::path path, std::uint64_t keep)
    : who_(who), path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  require_done(descriptor_ >= 0, "open");
  try {
    require_done(::ftruncate(descriptor_, static_cast<off_t>(keep)) == 0, "truncate");
    size_ = static_cast<off_t>(keep);
  } catch (const Error&) {
    ::close(descriptor_);
    throw;
  }
}

AppendFile::~AppendFile() {
  ::close(descriptor_);
}

void AppendFile::append(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      // Half a piece must not stand before the next one.
      [[maybe_unused]] const int cut = ::ftruncate(descriptor_, size_);
      errno = error;
    }
    require_done(n >= 0, "write");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  size_ += static_cast<off_t>(bytes.size());
}

void AppendFile::require_done(bool done, std::string_view step) const {
  require(done, who_, "{}: {} failed: {}", path_.string(), step, std::generic_category().message(errno));
}

}  // namespace tempera
