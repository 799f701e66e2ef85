#include "train/ledger/file_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/error.h"

namespace tempera {

FileLock::FileLock(const std::filesystem::path& file, Wait wait)
    : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  require(descriptor_ >= 0, "ledger", "{} cannot be written to: {}", file.string(), std::strerror(errno));
  int result = 0;
  do result = ::flock(descriptor_, wait == Wait::yes ? LOCK_EX : LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  held_ = result == 0 || errno != EWOULDBLOCK;
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

void FileLock::clear() const {
  require(::ftruncate(descriptor_, 0) == 0, "ledger", "a file cannot be cut: {}", std::strerror(errno));
}

}  // namespace tempera
