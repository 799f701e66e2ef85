// E4, F1, F3: the suite again and again, a million steps, and values that are not finite planted anywhere.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <utility>

#include "core/random.h"
#include "core/tape.h"
#include "tests/lanes/trial.h"
#include "train/config/read_config.h"
#include "train/experiment.h"
#include "train/profile.h"

namespace tempera::lanes {
namespace {

std::unique_ptr<Experiment> experiment_of(const Tools& tools, const char* yaml, ExperimentOptions& options) {
  read_config({"soak.yaml", yaml}, {"data={type: digits, file: " + tools.digits().string() + "}"}, options);
  return std::make_unique<Experiment>(options);
}

// Counted page by page: the kernel's running counters are off by up to 64 pages a thread.
double resident_bytes() {
  std::ifstream in("/proc/self/smaps_rollup");
  std::string word;
  double kilobytes = 0;
  while (in >> word && word != "Rss:") {
  }
  in >> kilobytes;
  return 1024 * kilobytes;
}

// Plants a value that is not finite in the output of operation number `target` of the step, whenever it is played.
class Poison : public Profile {
 public:
  void computed(const Op& op, std::string_view path, Inputs, const Tensor& y) override {
    if (!is_floating(y.dtype()) || y.size() == 0) return;
    const std::int64_t number = per_step_ > 0 ? count_ % per_step_ : -1;
    ++count_;
    if (number != target_ || per_step_ == 0) return;
    op_ = op.name;
    path_ = path;
    Tensor shared = y;
    shared.set(y.size() / 2, std::nan(""));
  }
  void played(const Op&, std::string_view, const Tensor&) override {}

  void start() { count_ = 0; }
  // From now on, of as many operations as were counted since start().
  void aim(std::int64_t target) {
    per_step_ = std::exchange(count_, 0);
    target_ = target;
  }
  std::int64_t count() const { return count_; }
  const std::string& op() const { return op_; }
  const std::string& path() const { return path_; }

 private:
  std::int64_t target_ = -1, per_step_ = 0, count_ = 0;
  std::string op_, path_;
};

constexpr const char* kPatches = R"(
model: {type: encoder, d_model: 16, n_layers: 2, patch: 2, dropout: 0.1, max_length: 16}
attention: {type: softmax, heads: 2}
train: {steps: 1000000, batch: 8, shard: 8, prefetch: 0}
)";

// Of the weights after so many steps with nothing planted.
std::string hash_without(const Tools& tools, std::int64_t steps) {
  ExperimentOptions options;
  const auto experiment = experiment_of(tools, kPatches, options);
  while (experiment->trainer().steps_done() < steps) experiment->trainer().step();
  return experiment->trainer().weights_hash();
}

}  // namespace

void flaky_lane(const Tools& tools, int count, Figures& figures) {
  int right = 0;
  const Folder folder;
  for (int i = 0; i < count; ++i) {
    const auto said = folder.path / std::to_string(i + 1);
    Process process(tools.programs / "tempera_tests", {"--order", "rand", "--rng-seed", std::to_string(i + 1)}, said);
    const bool good = process.wait(1200) == 0;
    right += good;
    if (good) continue;
    std::ifstream in(said);
    std::printf("seed %d:\n%s\n", i + 1, std::string(std::istreambuf_iterator<char>(in), {}).c_str());
  }
  figures.all("E4", right, count);
}

void long_lane(const Tools& tools, int count, Figures& figures) {
  ExperimentOptions options;
  const auto experiment = experiment_of(
      tools, "model: {type: mlp, hidden: [16]}\ntrain: {steps: 1000000000, batch: 8, shard: 4}\nlr: 1e-4\n", options);
  Trainer& trainer = experiment->trainer();
  double early = 0;
  std::int64_t not_finite = 0;
  for (int i = 1; i <= count; ++i) {
    not_finite += !std::isfinite(trainer.step().metrics[0].value);
    if (i == count / 10) early = resident_bytes();
  }
  std::printf("%d steps, %.1f MiB resident\n", count, resident_bytes() / (1 << 20));
  figures.at_most("F1.drift", 100 * std::abs(resident_bytes() / early - 1), 1);
  figures.at_most("F1.not_finite", static_cast<double>(not_finite), 0);
}

void poison_lane(const Tools& tools, int count, Figures& figures) {
  const Rng rng(1, "poison");
  int right = 0, trials = 0;
  for (std::uint64_t draw = 0; trials < count; ++draw) {
    ExperimentOptions options;
    const auto experiment = experiment_of(tools, kPatches, options);
    Trainer& trainer = experiment->trainer();
    Poison poison;
    trainer.observe(&poison);
    const auto steps = static_cast<std::int64_t>(1 + rng.below(3 * draw, 5));
    for (std::int64_t step = 0; step < steps; ++step) {
      poison.start();
      trainer.step();
    }
    poison.aim(static_cast<std::int64_t>(rng.below(3 * draw + 1, static_cast<std::uint64_t>(poison.count()))));
    ++trials;
    std::string found = "not found";
    try {
      trainer.step();
    } catch (const NonFiniteError& error) {
      const bool same = error.op == poison.op() && error.path == poison.path() && trainer.steps_done() == steps;
      found = same ? "" : "named " + error.op + " in " + error.path;
    }
    trainer.observe(nullptr);
    // One element that dropout leaves out, say, changes nothing: nothing is wrong then.
    if (found == "not found" && trainer.weights_hash() == hash_without(tools, steps + 1)) {
      --trials;
      continue;
    }
    right += found.empty();
    if (!found.empty())
      std::printf("%s in %s at step %lld: %s\n", poison.op().c_str(), poison.path().c_str(),
                  static_cast<long long>(steps + 1), found.c_str());
  }
  figures.all("F3", right, trials);
}

}  // namespace tempera::lanes
