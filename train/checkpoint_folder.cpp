#include "train/checkpoint_folder.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "data/files.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> step_of(const std::string& name) {
  constexpr std::string_view prefix = "step-";
  if (!name.starts_with(prefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data() + prefix.size(), end, step);
  return error == std::errc() && stopped == end && step >= 0 ? std::optional(step) : std::nullopt;
}

// A checkpoint is a folder: a link to one, which a stranger's archive may hold, is none, for it would be removed from.
bool is_complete(const fs::path& path) {
  return fs::is_directory(fs::symlink_status(path)) && fs::exists(path / "COMPLETE");
}

}  // namespace

fs::path CheckpointFolder::at(std::int64_t step) const {
  return path_ / fmt::format("step-{:06}", step);
}

fs::path CheckpointFolder::failed(std::int64_t step) const {
  return path_ / fmt::format("failed-{:06}", step);
}

std::vector<CheckpointPath> CheckpointFolder::complete() const {
  std::vector<CheckpointPath> found;
  if (!fs::is_directory(path_)) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_))
    if (const auto step = step_of(entry.path().filename().string()))
      if (is_complete(entry.path())) found.push_back({*step, entry.path()});
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  return found;
}

std::optional<CheckpointPath> CheckpointFolder::newest() const {
  const std::vector<CheckpointPath> all = complete();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

std::optional<CheckpointPath> CheckpointFolder::best() const {
  std::error_code none;
  const fs::path target = fs::read_symlink(path_ / "best", none);
  const std::optional<std::int64_t> step = none ? std::nullopt : step_of(target.string());
  if (!step || !is_complete(path_ / target)) return std::nullopt;
  return CheckpointPath{*step, path_ / target};
}

void CheckpointFolder::set_best(std::int64_t step) const {
  replace_link(path_ / "best", at(step).filename());
}

void CheckpointFolder::prune(std::int64_t keep) const {
  std::vector<CheckpointPath> old = complete();
  old.resize(old.size() - std::min(old.size(), static_cast<std::size_t>(keep)));
  const std::optional<CheckpointPath> spared = best();
  for (const CheckpointPath& checkpoint : old) {
    if (spared && spared->step == checkpoint.step) continue;
    // Without its mark first: a kill while removing must not leave a folder that looks complete.
    remove_tree(checkpoint.path / "COMPLETE");
    sync_folder(checkpoint.path);
    remove_tree(checkpoint.path);
  }
}

void CheckpointFolder::clean() const {
  if (!fs::is_directory(path_)) return;
  std::vector<fs::path> stray;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    const bool unfinished = name == "best.new" || (name.starts_with(".") && name.ends_with(".new"));
    if (unfinished || (step_of(name) && !is_complete(entry.path()))) stray.push_back(entry.path());
  }
  for (const fs::path& path : stray) remove_tree(path);
}

}  // namespace tempera
