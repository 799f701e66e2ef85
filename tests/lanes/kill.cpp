// C1: kill -9 at random instants, then --resume: always the weights of the run that was left alone.
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "core/random.h"
#include "tests/lanes/trial.h"

namespace tempera::lanes {
namespace {

// A transformer with dropout and averaged weights that saves so often that many kills hit a save.
constexpr std::string_view kConfig = R"(
model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}
attention: {type: softmax, heads: 2}
lr: 3e-3
train: {steps: 60, batch: 16, shard: 4, threads: 2}
average: {decay: 0.9}
evaluate: {every: 10, samples: 64}
checkpoint: {every: 3, keep: 2}
)";

// What a save or a change of a name leaves behind when it is cut.
bool leftovers(const std::filesystem::path& run) {
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints"))
    if (entry.path().filename().string().ends_with(".new")) return true;
  return false;
}

}  // namespace

void kill_lane(const Tools& tools, int count, Figures& figures) {
  const Folder folder;
  std::ofstream(folder.path / "kill.yaml")
      << "data: {type: digits, file: " << tools.digits().string() << "}" << kConfig;
  const auto arguments = [&](const std::string& name) {
    return std::vector<std::string>{(folder.path / "kill.yaml").string(), "folder=" + folder.path.string(),
                                    "name=" + name, "--resume"};
  };
  const double start = now();
  const auto finish = [&](const std::string& name) {
    Process process(tools.train(), arguments(name), folder.path / "said");
    return process.wait(120) == 0;
  };
  if (!finish("whole")) {
    std::printf("the run that is left alone fails:\n%s\n",
                std::string(std::istreambuf_iterator<char>(std::ifstream(folder.path / "said").rdbuf()), {}).c_str());
    return figures.all("C1", 0, count);
  }
  const double duration = now() - start;
  const std::string expected = hash_of(folder.path / "whole");
  const Rng rng(1, "kill");
  std::uint64_t draws = 0;
  int right = 0;
  for (int i = 0; i < count; ++i) {
    const std::string name = "run-" + std::to_string(i);
    double instant = 0;
    for (bool killed = false; !killed;) {  // one that ends before its instant does not count
      std::filesystem::remove_all(folder.path / name);
      instant = rng.uniform(draws++) * duration;
      Process process(tools.train(), arguments(name), folder.path / "said");
      killed = !process.wait(instant);
      process.signal(SIGKILL);
      process.wait(10);
    }
    const bool done = finish(name);
    const bool same = done && hash_of(folder.path / name) == expected && !leftovers(folder.path / name);
    if (!same)
      std::printf("killed after %.3f s: %s\n", instant, done ? "other weights, or files left over" : "does not go on");
    right += same;
    std::filesystem::remove_all(folder.path / name);
  }
  std::printf("%d kills within the %.2f s of a run\n", count, duration);
  figures.all("C1", right, count);
}

}  // namespace tempera::lanes
