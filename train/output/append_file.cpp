#include "train/output/append_file.h"

#include <fcntl.h>

#include "core/error.h"

namespace tempera {

AppendFile::AppendFile(std::string_view who, const std::filesystem::path& path, std::uint64_t keep)
    : file_(who, path.string(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW), size_(keep) {
  file_.truncate(keep);
}

void AppendFile::append(std::string_view bytes) {
  if (torn_) cut();
  torn_ = true;
  try {
    file_.write(std::as_bytes(std::span(bytes)));
  } catch (const Error&) {
    try {
      cut();
    } catch (const Error&) {  // before the next piece, then
    }
    throw;
  }
  torn_ = false;
  size_ += bytes.size();
}

void AppendFile::cut() {
  file_.truncate(size_);
  torn_ = false;
}

}  // namespace tempera
