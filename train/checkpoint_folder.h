// The checkpoints of a run and what lies beside them:
//
//   step-000500/  step-001000/    complete once they hold a file named COMPLETE (train/checkpoint.h)
//   failed-001234/                what came before a step that gave values that are not finite; never removed
//   best -> step-000500           the best by the validation set; replaced in one instant, never removed
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace tempera {

struct CheckpointPath {
  std::int64_t step;
  std::filesystem::path path;
};

class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path at(std::int64_t step) const;      // step-000500
  std::filesystem::path failed(std::int64_t step) const;  // failed-000500

  // Those that are complete, oldest first.
  std::vector<CheckpointPath> complete() const;
  std::optional<CheckpointPath> newest() const;
  // The one that `best` names, where it is complete.
  std::optional<CheckpointPath> best() const;

  // These throw Error with the path and the system's reason.
  void set_best(std::int64_t step) const;
  // Removes all but the newest `keep` and the best.
  void prune(std::int64_t keep) const;
  // Removes what a save left that was killed.
  void clean() const;

 private:
  std::filesystem::path path_;
};

}  // namespace tempera
