// B1, B2, B5, B8: the same bits on any number of threads, under load, accumulated or not, with or without dropout.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <sched.h>
#include <set>
#include <thread>

#include "core/random.h"
#include "tests/lanes/trial.h"
#include "train/claims/experiment_file.h"
#include "train/errors.h"

namespace tempera::lanes {
namespace {

namespace fs = std::filesystem;
using Settings = std::vector<std::string>;

std::vector<fs::path> recipes(const fs::path& root) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / "configs"))
    if (entry.path().extension() == ".yaml") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

// The hash of the weights that a recipe ends with, shrunk to `steps` small steps, or after as many of them as are
// enough.
std::string hash_of_recipe(const ExperimentFile& file, int steps, const Settings& more,
                           const std::function<bool(std::int64_t done)>& enough = {}) {
  ExperimentOptions options;
  Settings settings{"train.steps=" + std::to_string(steps),
                    "train.batch=8",
                    "train.shard=2",
                    "train.accumulate=1",
                    "evaluate.every=0",
                    "evaluate.samples=8"};
  settings.insert(settings.end(), more.begin(), more.end());
  file.fill(options, settings, kOwn, file.has_quick());
  Experiment experiment(options);
  Trainer& trainer = experiment.trainer();
  while (!(enough && enough(trainer.steps_done())) && trainer.steps_done() < steps) trainer.step();
  return trainer.weights_hash();
}

const ConfigText kPatches{"patches.yaml",
                          "data: {type: digits}\n"
                          "model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}\n"
                          "attention: {type: softmax, heads: 2}\n"
                          "average: {decay: 0.9}\n"};

Settings with_data(const Tools& tools, Settings settings) {
  settings.push_back("data.file=" + tools.digits().string());
  return settings;
}

// Keeps the processors busy while it lives.
class Burner {
 public:
  explicit Burner(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this] {
        volatile double x = 1;
        while (!done_) x = x * 1.0000001;
      });
  }
  ~Burner() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> done_ = false;
  std::vector<std::thread> threads_;
};

// Lets the process run on a random part of the processors.
void choose_processors(const Rng& rng, std::uint64_t draw) {
  const unsigned all = std::max(1u, std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned cpu = 0; cpu < all; ++cpu)
    if (rng.uniform(draw * all + cpu) < 0.5) CPU_SET(cpu, &set);
  if (CPU_COUNT(&set) == 0) CPU_SET(static_cast<int>(draw % all), &set);
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace

// B1, of every recipe that can be made here: the first of `count` steps, as many as one thread does in a second but two
// at least.
void thread_lane(const Tools& tools, int count, Figures& figures) {
  fs::current_path(tools.root);  // recipes name their data from here
  std::int64_t right = 0, tried = 0;
  for (const fs::path& path : recipes(tools.root)) {
    const std::string name = path.lexically_relative(tools.root).string();
    try {
      const ExperimentFile file(path);
      double begin = 0;
      std::int64_t steps = 0;
      std::set<std::string> hashes{hash_of_recipe(file, count, {"train.threads=1"}, [&](std::int64_t done) {
        if (done == 0) begin = now();
        steps = done;
        return done >= 2 && now() > begin + 1;
      })};
      for (const int threads : {2, 3, 4, 8, 16})
        hashes.insert(hash_of_recipe(file, count, {"train.threads=" + std::to_string(threads)},
                                     [&](std::int64_t done) { return done == steps; }));
      ++tried;
      right += hashes.size() == 1;
      std::printf("%s: %lld steps, %s\n", name.c_str(), static_cast<long long>(steps),
                  hashes.size() == 1 ? "one hash" : "hashes differ");
    } catch (const DataError& error) {
      std::printf("%s is not measured: %s\n", name.c_str(), error.what());
    } catch (const SetupError& error) {
      std::printf("%s is not measured: %s\n", name.c_str(), error.what());
    }
    std::fflush(stdout);
  }
  figures.all("B1", right, tried);
}

void load_lane(const Tools& tools, int count, Figures& figures) {
  const ExperimentFile file(kPatches);
  const std::string expected = hash_of_recipe(file, 20, with_data(tools, {}));
  const Rng rng(1, "processors");
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  int right = 0;
  {
    const Burner burner(std::max(1u, std::thread::hardware_concurrency()));
    for (int i = 0; i < count; ++i) {
      choose_processors(rng, static_cast<std::uint64_t>(i));
      const std::string threads = "train.threads=" + std::to_string(1 + i % 4);
      right += hash_of_recipe(file, 20, with_data(tools, {threads})) == expected;
    }
  }
  sched_setaffinity(0, sizeof before, &before);
  figures.all("B2", right, count);
}

void stream_lane(const Tools& tools, int count, Figures& figures) {
  const ExperimentFile file(kPatches);
  int accumulated = 0, unmoved = 0;
  for (int i = 0; i < count; ++i) {
    const auto hash = [&](Settings more) {
      more.push_back("train.seed=" + std::to_string(i + 1));
      return hash_of_recipe(file, 10, with_data(tools, std::move(more)));
    };
    accumulated += hash({"train.batch=4", "train.accumulate=4"}) == hash({"train.batch=16"});
    // Draws a mask for every activation, drops none, and scales by 1 to the last bit.
    unmoved += hash({"model.dropout=1e-12"}) == hash({"model.dropout=0"});
  }
  figures.all("B5", accumulated, count);
  figures.all("B8", unmoved, count);
}

}  // namespace tempera::lanes
