// B4: a run of 60 steps, stopped at each of its steps and resumed: always the same weights.
#include <fstream>

#include "tests/lanes/trial.h"
#include "train/config/read_config.h"
#include "train/experiment.h"

namespace tempera::lanes {
namespace {

constexpr std::string_view kConfig = R"(
model: {type: encoder, d_model: 16, n_layers: 1, patch: 2, dropout: 0.1, max_length: 16}
attention: {type: softmax, heads: 2}
train: {steps: 60, batch: 128, shard: 32}
average: {decay: 0.9}
evaluate: {every: 7, samples: 64}
checkpoint: {every: 13}
)";

// In its own folder; stopped after `cut` steps where that is above 0.
std::string hash_of_run(const Tools& tools, const std::filesystem::path& folder, int cut) {
  ExperimentOptions options;
  read_config({"resume.yaml", std::string(kConfig)}, {"data={type: digits, file: " + tools.digits().string() + "}"},
              options);
  Experiment experiment(options);
  Trainer& trainer = experiment.trainer();
  trainer.checkpoint_in(folder);
  if (const auto newest = CheckpointFolder(folder).newest()) trainer.resume(newest->path);
  trainer.on_step = [&](const StepReport& report) {
    if (report.step == cut) trainer.stop();
  };
  trainer.run();
  return trainer.weights_hash();
}

}  // namespace

void resume_lane(const Tools& tools, int count, Figures& figures) {
  const Folder folder;
  const std::string expected = hash_of_run(tools, folder.path / "whole", 0);
  int right = 0;
  for (int cut = 1; cut <= count; ++cut) {
    const std::filesystem::path path = folder.path / std::to_string(cut);
    hash_of_run(tools, path, cut);
    right += hash_of_run(tools, path, 0) == expected;
    std::filesystem::remove_all(path);
  }
  figures.all("B4", right, count);
}

}  // namespace tempera::lanes
