// Where the weights of a trained run lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace tempera {

struct FoundWeights {
  std::filesystem::path folder;      // of the run; empty for weights that lie in none
  std::filesystem::path config;      // the folder with the config.yaml that they were trained with
  std::filesystem::path checkpoint;  // its folder, or the file itself
  std::filesystem::path weights;     // the file: of a checkpoint the averaged ones, where there are any
  std::optional<std::int64_t> step;  // of the checkpoint; none for a file of weights

  // "runs/characters  step 600 (averaged weights)"
  std::string title() const;
};

// `path` is a run's folder or its name in `runs`, a checkpoint's folder, or a .safetensors file with a config.yaml
// beside it or in the run it belongs to. `checkpoint` chooses one of a run: best | last | a step | a path; empty: the
// best where one is marked, else the last. Throws SetupError where there is no run (with the nearest name) or, unless
// `configured` is false, no configuration; CheckpointError where there is no such checkpoint.
FoundWeights find_weights(const std::string& path, const std::string& checkpoint, const std::filesystem::path& runs,
                          bool configured = true);

}  // namespace tempera
