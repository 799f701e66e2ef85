// Training on several ranks, which are threads here; tests/lanes/ranks.cpp does it with processes and MPI.
#include <atomic>
#include <catch2/catch.hpp>

#include "core/random.h"
#include "tests/support/folder.h"
#include "tests/support/source_file.h"
#include "tests/support/thread_ranks.h"
#include "train/claims/experiment_file.h"
#include "train/errors.h"
#include "train/library.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

struct Outcome {
  std::string hash;
  double loss = 0;  // of the last step
  NamedValues valid;
  bool operator==(const Outcome& other) const {
    return hash == other.hash && loss == other.loss && valid[0].value == other.valid[0].value;
  }
};

// Trains what the configuration says; all ranks must agree.
Outcome train(const std::string& yaml, int ranks, int threads) {
  std::vector<Outcome> all(static_cast<std::size_t>(ranks));
  on_thread_ranks(ranks, [&](Ranks& team) {
    ExperimentOptions options;
    const std::string overrides[] = {fmt::format("train.threads={}", threads)};
    ExperimentFile(ConfigText{"test.yaml", yaml}).fill(options, overrides);
    Experiment experiment(options, team);
    Outcome& mine = all[static_cast<std::size_t>(team.rank())];
    experiment.trainer().on_step = [&](const StepReport& report) { mine.loss = report.metrics[0].value; };
    experiment.trainer().run();
    mine.hash = experiment.trainer().weights_hash();
    mine.valid = experiment.trainer().evaluate(*experiment.data().valid, 50);
  });
  for (const Outcome& outcome : all) CHECK(outcome == all[0]);
  return all[0];
}

std::string digits() {
  return fmt::format("data: {{type: digits, file: {}}}\n", source_file("data/files/digits.csv").string());
}

// Points in four classes that count how often each was read.
class Counted final : public Dataset {
 public:
  // Sample `broken` cannot be read.
  explicit Counted(std::int64_t size, std::int64_t broken = -1)
      : Dataset(size, {.inputs = {2}, .classes = 4}), reads(static_cast<std::size_t>(size)), broken_(broken) {}
  mutable std::vector<std::atomic<int>> reads;

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    require(sample != broken_, "test", "sample {} is broken", sample);
    ++reads[static_cast<std::size_t>(sample)];
    const Rng rng(1, "points", static_cast<std::uint64_t>(sample));
    const double x = rng.uniform(0) - 0.5, y = rng.uniform(1) - 0.5;
    out.inputs.set(2 * row, x);
    out.inputs.set(2 * row + 1, y);
    out.targets.set(row, (x > 0 ? 1 : 0) + (y > 0 ? 2 : 0));
  }

 private:
  std::int64_t broken_;
};

// A trainer of its own on each rank: f(trainer, set, ranks).
template <class F>
void with_trainers(int ranks, const TrainerOptions& options, F&& f, std::int64_t broken = -1) {
  on_thread_ranks(ranks, [&](Ranks& team) {
    const auto set = std::make_shared<Counted>(100, broken);
    auto model = std::make_unique<MlpModel>(MlpOptions(), InputSpec::vectors(2));
    auto head = CrossEntropyHeadOptions().make({model->width(), 4});
    ModelLearner learner(std::move(model), std::move(head));
    Trainer trainer(
        options, learner, set, AdamWOptions(), [](std::int64_t) { return 0.01; }, {}, team);
    f(trainer, *set, team);
  });
}

template <class Kind, class F>
bool throws(F&& f, std::string_view text) {
  try {
    f();
  } catch (const Kind& error) {
    return std::string_view(error.what()).find(text) != std::string_view::npos;
  }
  return false;
}

// Counts what holds on each rank: checks themselves belong to one thread.
class Tally {
 public:
  void operator()(bool holds) { ++(holds ? right_ : wrong_); }
  bool all(int of) const { return right_ == of && wrong_ == 0; }

 private:
  std::atomic<int> right_ = 0, wrong_ = 0;
};

TrainerOptions small() {
  TrainerOptions options;
  options.steps = 20;
  options.batch = 24;
  options.shard = 3;
  return options;
}

}  // namespace

TEST_CASE("any number of ranks and threads gives the same bits", "[ranks]") {
  const std::string config = GENERATE(
      // Dropout and averaged weights; eight shards, fewer in the last batch of an epoch.
      digits() +
          "model: {type: encoder, d_model: 8, n_layers: 1, patch: 4, dropout: 0.1, max_length: 4}\n"
          "attention: {type: softmax, heads: 2}\n"
          "train: {steps: 6, batch: 700, shard: 88, drop_last: false}\naverage: {decay: 0.9}\n",
      // Sequences of many lengths, whose padding differs from shard to shard; five shards.
      std::string("data: {type: sequences, longest: 40}\n"
                  "model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 1}\n"
                  "attention: {type: softmax, heads: 2}\ntrain: {steps: 4, batch: 10, shard: 2}\n"),
      // A learner that wants to see all samples of a step.
      digits() +
          "model: {type: mlp, hidden: [8]}\ntrain: {steps: 10, batch: 32, shard: 7}\n"
          "continual: {type: class, tasks: 5, method: {type: er, buffer: 20}}\n");
  const Outcome alone = train(config, 1, 1);
  CHECK(alone.loss > 0);
  for (const int ranks : {1, 2, 3, 4, 9})
    for (const int threads : {1, 2}) {
      INFO(ranks << " ranks, " << threads << " threads");
      CHECK(train(config, ranks, threads) == alone);
    }
}

TEST_CASE("each sample of a step is read by one rank", "[ranks]") {
  for (const int ranks : {1, 2, 3, 5, 9}) {
    INFO(ranks << " ranks");
    std::vector<std::atomic<int>> trained(100), evaluated(100);
    TrainerOptions options = small();
    options.steps = 9;  // two epochs of four steps, and one more
    with_trainers(ranks, options, [&](Trainer& trainer, const Counted& set, Ranks&) {
      trainer.run();
      for (std::size_t i = 0; i < 100; ++i) trained[i] += set.reads[i];
      const Counted valid(100);
      trainer.evaluate(valid);
      for (std::size_t i = 0; i < 100; ++i) evaluated[i] += valid.reads[i];
    });
    int reads = 0;
    for (const auto& count : trained) {
      CHECK(count <= 3);  // epochs leave some samples out, none comes twice
      reads += count;
    }
    CHECK(reads == 9 * 24);
    for (const auto& count : evaluated) CHECK(count == 1);
  }
}

TEST_CASE("ranks stop together, and another number of them goes on to the same bits", "[ranks][checkpoint]") {
  std::string expected;
  with_trainers(1, small(), [&](Trainer& trainer, const Counted&, Ranks&) {
    trainer.run();
    expected = trainer.weights_hash();
  });
  for (const auto& [before, after] : {std::pair{3, 2}, {2, 5}, {4, 1}, {1, 4}}) {
    const TestFolder folder;
    Tally stopped, right;
    with_trainers(before, small(), [&](Trainer& trainer, const Counted&, Ranks& ranks) {
      trainer.checkpoint_in(folder.path);
      // Only the last rank is asked.
      trainer.on_step = [&](const StepReport& report) {
        if (report.step == 7 && ranks.rank() == ranks.size() - 1) trainer.stop();
      };
      stopped(!trainer.run() && trainer.steps_done() == 7);
    });
    CHECK(stopped.all(before));
    CHECK(CheckpointFolder(folder.path).complete().size() == 1);
    with_trainers(after, small(), [&](Trainer& trainer, const Counted&, Ranks&) {
      trainer.resume(CheckpointFolder(folder.path).at(7));
      right(trainer.run() && trainer.weights_hash() == expected);
    });
    CHECK(right.all(after));
  }
}

TEST_CASE("what fails on one rank ends all of them", "[ranks][errors]") {
  const TestFolder folder;
  SECTION("a checkpoint that cannot be written") {
    folder.write("checkpoints", "a file where the folder should be");
    Tally failed;
    with_trainers(3, small(), [&](Trainer& trainer, const Counted&, Ranks&) {
      trainer.checkpoint_in(folder.path / "checkpoints");
      failed(throws<CheckpointError>([&] { trainer.run(); }, "checkpoint"));
    });
    CHECK(failed.all(3));
  }
  SECTION("a checkpoint that one rank does not see") {
    Tally failed;
    with_trainers(2, small(), [&](Trainer& trainer, const Counted&, Ranks& ranks) {
      trainer.step();
      trainer.save(folder.path / "here");
      ranks.barrier();
      const fs::path seen = folder.path / (ranks.leads() ? "here" : "there");
      failed(throws<CheckpointError>([&] { trainer.resume(seen); },
                                     ranks.leads() ? "must be one that all machines share" : "is not complete"));
    });
    CHECK(failed.all(2));
  }
  SECTION("weights that part") {
    Tally failed;
    with_trainers(2, small(), [&](Trainer& trainer, const Counted&, Ranks& ranks) {
      trainer.checkpoint_in(folder.path);
      if (!ranks.leads()) trainer.parameters().flat().set(3, 0.125);
      failed(throws<Error>([&] { trainer.run(); }, "the weights of the ranks part before step 21"));
    });
    CHECK(failed.all(2));
  }
  SECTION("a sample that cannot be read") {
    const auto run = [&](Trainer& trainer, const Counted&, Ranks&) { trainer.run(); };
    CHECK_THROWS_WITH(with_trainers(3, small(), run, 42), "test: sample 42 is broken");
  }
}
