#include "data/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <vector>

#include "core/error.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kRead = "read", kReplace = "replace_file", kFolder = "folder";

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path fresh_path(const fs::path& path) {
  return path.string() + ".new";
}

bool present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

void rename_file(const fs::path& from, const fs::path& to) {
  if (persist([&] { return file_system().rename(from.c_str(), to.c_str()); }) < 0)
    fail_system(kReplace, to.string(), "rename");
}

void remove_one(const fs::path& path) {
  if (persist([&] { return file_system().remove(path.c_str()); }) < 0 && errno != ENOENT)
    fail_system("remove", path.string(), "remove");
}

// Makes `fresh` by f() and gives it the name `path`. What f() leaves when it fails is removed; it has its message.
template <class F>
void replace(const fs::path& path, const fs::path& fresh, F&& f) {
  // What a killed writer has left, or what somebody has put there to lead us elsewhere, is not written into.
  remove_tree(fresh);
  try {
    f();
    rename_file(fresh, path);
  } catch (const Error&) {
    file_system().remove(fresh.c_str());
    throw;
  }
  sync_folder(parent_of(path));  // the rename itself is on the disk only when the folder is
}

}  // namespace

// Opening a pipe would wait for whoever writes into it.
InputFile::InputFile(const fs::path& path) : file_(kRead, path.string(), O_RDONLY | O_NONBLOCK) {
  struct stat status {};
  if (::fstat(file_.descriptor(), &status) != 0) fail_system(kRead, file_.path(), "stat");
  require(S_ISREG(status.st_mode), kRead, "{}: not a regular file", file_.path());
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const std::size_t n = file_.read(offset, to);
    require(n > 0, kRead, "{}: the file ends at byte {}, {} more were wanted", file_.path(), offset, to.size());
    offset += n;
    to = to.subspan(n);
  }
}

std::string read_text(const fs::path& path) {
  const InputFile file(path);
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void replace_file(const fs::path& path, std::span<const Bytes> parts) {
  const fs::path fresh = fresh_path(path);
  replace(path, fresh, [&] {
    OpenFile file(kReplace, fresh.string(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    for (const Bytes part : parts) file.write(part);
    file.sync();
    file.close();
  });
}

void replace_link(const fs::path& path, const fs::path& target) {
  const fs::path fresh = fresh_path(path);
  replace(path, fresh, [&] {
    if (persist([&] { return file_system().link(target.c_str(), fresh.c_str()); }) < 0)
      fail_system(kReplace, fresh.string(), "link");
  });
}

void make_folders(const fs::path& folder) {
  std::vector<fs::path> missing;
  for (fs::path at = folder.lexically_normal(); !at.empty() && !present(at); at = at.parent_path())
    if (at.has_filename()) missing.push_back(at);
  for (; !missing.empty(); missing.pop_back()) {
    const fs::path& next = missing.back();
    if (persist([&] { return file_system().make_folder(next.c_str()); }) < 0 && errno != EEXIST)
      fail_system(kFolder, next.string(), "mkdir");
    sync_folder(parent_of(next));
  }
  require(fs::is_directory(folder), kFolder, "{}: this is no folder", folder.string());
}

void sync_folder(const fs::path& folder) {
  OpenFile(kFolder, folder.string(), O_RDONLY | O_DIRECTORY).sync();
}

void replace_folder(const fs::path& folder, const fs::path& fresh) {
  const auto exchange = [&] { return file_system().exchange(fresh.c_str(), folder.c_str()); };
  if (!present(folder)) {
    rename_file(fresh, folder);
  } else if (persist(exchange) < 0) {
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) fail_system(kReplace, folder.string(), "exchange");
    remove_tree(folder);
    rename_file(fresh, folder);
  }
  sync_folder(parent_of(folder));
  remove_tree(fresh);
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status)) {
    std::vector<fs::path> entries;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
      entries.push_back(at->path());
    require(!error, "remove", "{}: {}", path.string(), error.message());
    for (const fs::path& entry : entries) remove_tree(entry);
  }
  remove_one(path);
}

fs::path inside(const fs::path& folder, std::string_view name, std::string_view who) {
  const fs::path path = folder / name;
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path home = fs::canonical(folder, error), target = fs::weakly_canonical(path, error);
  const auto [end, ignored] = std::mismatch(home.begin(), home.end(), target.begin(), target.end());
  require(!error && end == home.end(), who, "{} is a link that leads out of its folder; put the file itself there",
          path.string());
  return path;
}

}  // namespace tempera
