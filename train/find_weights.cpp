#include "train/find_weights.h"

#include <algorithm>
#include <charconv>
#include <fmt/ranges.h>

#include "core/grouped.h"
#include "core/nearest.h"
#include "train/checkpoint.h"
#include "train/checkpoint_folder.h"
#include "train/errors.h"

namespace tempera {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kWho = "run";

bool is_run(const fs::path& folder) {
  return fs::is_regular_file(folder / "config.yaml");
}
bool is_weights(const fs::path& file) {
  return file.extension() == ".safetensors" && fs::is_regular_file(file);
}
bool is_checkpoint(const fs::path& folder) {
  return fs::is_regular_file(folder / "model.safetensors");
}

std::vector<std::string> runs_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, none))
    if (is_run(entry.path())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void no_run(const std::string& path, const fs::path& runs) {
  const std::vector<std::string> names = runs_in(runs);
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(fs::path(path).lexically_normal().filename().string(), views);
  const std::string hint = near.empty() ? ";" : fmt::format("; did you mean {}?", (runs / near).string());
  const std::string known = names.empty() ? fmt::format("there are no runs in {}/", runs.string())
                                          : fmt::format("runs in {}/: {}", runs.string(), fmt::join(views, ", "));
  fail(kWho, "'{}' is no run, checkpoint or .safetensors file{} {}", path, hint, known);
}

// The folder with the config.yaml that weights were trained with: their own, or that of the run above checkpoints/.
fs::path configured_folder(const fs::path& weights) {
  const fs::path own = fs::is_directory(weights) ? weights : weights.parent_path();
  const fs::path above = fs::absolute(own).lexically_normal().parent_path().parent_path();
  for (const fs::path& folder : {own, above})
    if (is_run(folder)) return folder;
  fail(kWho, "{} has no config.yaml beside it, nor in a run above; put the configuration it was trained with there",
       weights.string());
}

fs::path chosen_checkpoint(const CheckpointFolder& folder, const std::string& wanted) {
  const std::vector<CheckpointPath> all = folder.complete();
  require(!all.empty(), kWho, "{} holds no complete checkpoint", folder.path().string());
  if (wanted.empty() || wanted == "best") {
    if (const auto best = folder.best()) return best->path;
    require(wanted.empty(), kWho, "no checkpoint of {} is marked best; choose last, or a step",
            folder.path().parent_path().string());
  }
  if (wanted.empty() || wanted == "last") return all.back().path;
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), step);
  if (error == std::errc() && end == wanted.data() + wanted.size()) {
    std::vector<std::string> steps;
    for (const CheckpointPath& checkpoint : all) {
      if (checkpoint.step == step) return checkpoint.path;
      steps.push_back(std::to_string(checkpoint.step));
    }
    fail(kWho, "{} has no complete checkpoint of step {}; there are those of {}", folder.path().parent_path().string(),
         step, fmt::join(steps, ", "));
  }
  require(is_weights(wanted) || is_checkpoint(wanted), kWho,
          "'{}' is no checkpoint; best, last, a step, a checkpoint's folder or a .safetensors file was wanted", wanted);
  return wanted;
}

}  // namespace

std::string FoundWeights::title() const {
  if (!step) return weights.string();
  const char* averaged = weights.filename() == "average.safetensors" ? " (averaged weights)" : "";
  return fmt::format("{}  step {}{}", folder.empty() ? weights.parent_path().string() : folder.string(), grouped(*step),
                     averaged);
}

FoundWeights find_weights(const std::string& path, const std::string& checkpoint, const fs::path& runs,
                          bool configured) {
  FoundWeights found;
  blame<SetupError>([&] {
    for (const fs::path& folder : {fs::path(path), runs / path})
      if (found.folder.empty() && is_run(folder) && !is_checkpoint(folder)) found.folder = folder;
    if (!found.folder.empty()) {
      found.config = found.folder;
      return;
    }
    if (!is_weights(path) && !is_checkpoint(path)) no_run(path, runs);
    require(checkpoint.empty(), kWho, "'{}' is a checkpoint already; leave out '{}'", path, checkpoint);
    found.checkpoint = path;
    if (!configured) return;
    found.config = configured_folder(found.checkpoint);
    if (fs::is_directory(found.config / "checkpoints")) found.folder = found.config;
  });
  blame<CheckpointError>([&] {
    if (found.checkpoint.empty())
      found.checkpoint = chosen_checkpoint(CheckpointFolder(found.folder / "checkpoints"), checkpoint);
    if (fs::exists(found.checkpoint / "COMPLETE")) found.step = read_checkpoint_state(found.checkpoint).step;
    found.weights = found.checkpoint;
    if (!fs::is_directory(found.checkpoint)) return;
    found.weights = weights_of(found.checkpoint);
  });
  return found;
}

}  // namespace tempera
