#include "data/contents.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <zlib.h>

#include "core/error.h"

namespace tempera {

namespace fs = std::filesystem;

bool is_missing(const fs::path& path) {
  std::error_code error;
  return fs::status(path, error).type() == fs::file_type::not_found;
}

std::string read_contents(const fs::path& file, std::string_view who, std::uint64_t most) {
  const std::string name = file.string();
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  require(fs::exists(status), who, "'{}' does not exist", name);
  require(fs::is_regular_file(status), who, "'{}' is not a regular file", name);
  // zlib reads plain files as they are.
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(name.c_str(), "rb"), &gzclose_r);
  require(in != nullptr, who, "'{}' cannot be opened: {}", name, std::strerror(errno));
  constexpr std::size_t kPiece = std::size_t{1} << 17;
  // Some hundred bytes can unpack to gigabytes; data do not.
  constexpr std::uint64_t kRatio = 100, kSmall = std::uint64_t{64} << 20;
  const std::uint64_t packed = fs::file_size(file, error);
  std::string text;
  text.reserve(static_cast<std::size_t>(std::min(packed, most)) + 2 * kPiece);  // all of it where it is not packed
  for (int count = 1; count > 0;) {
    const std::size_t before = text.size();
    require(before <= most, who, "'{}' holds more than {} bytes", name, most);
    text.resize(before + kPiece);
    count = gzread(in.get(), text.data() + before, kPiece);
    int code = Z_OK;
    const char* reason = gzerror(in.get(), &code);
    require(count >= 0 && code != Z_BUF_ERROR, who, "'{}': {} bytes could be read, then: {}", name, before,
            code == Z_ERRNO ? std::strerror(errno) : reason);
    text.resize(before + static_cast<std::size_t>(count));
    require(text.size() <= kSmall || gzdirect(in.get()) != 0 || text.size() / kRatio <= packed, who,
            "'{}' unpacks to more than {} times its {} bytes; unpack it yourself where that is right", name, kRatio,
            packed);
  }
  require(file.extension() != ".gz" || gzdirect(in.get()) == 0, who, "'{}' is not gzip data, though its name says so",
          name);
  return text;
}

std::vector<fs::path> files_below(const fs::path& folder, std::string_view who) {
  std::vector<fs::path> files;
  try {
    for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at) {
      if (at->path().filename().string().starts_with('.')) at.disable_recursion_pending();
      else if (at->is_regular_file()) files.push_back(at->path());
    }
  } catch (const fs::filesystem_error& error) {
    fail(who, "'{}' cannot be read: {}", folder.string(), error.code().message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace tempera
