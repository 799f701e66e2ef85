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
  } catch (const Error&) {
    ::close(descriptor_);
    throw;
  }
}

AppendFile::~AppendFile() {
  ::close(descriptor_);
}

void AppendFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    require_done(n >= 0, "write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AppendFile::require_done(bool done, std::string_view step) const {
  require(done, who_, "{}: {} failed: {}", path_.string(), step, std::generic_category().message(errno));
}

}  // namespace tempera
