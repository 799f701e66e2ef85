#include "train/trainer.h"

#include <catch2/catch.hpp>
#include <csignal>

#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "tests/support/folder.h"
#include "train/errors.h"
#include "train/optimizer/adam.h"
#include "train/stop_signals.h"

using namespace tempera;
namespace fs = std::filesystem;

namespace {

// Three classes of points, told apart by two layers with dropout in between.
class Points : public Learner {
 public:
  Module& module() override { return net_; }
  double weight(const Batch& samples) const override { return static_cast<double>(samples.size()); }
  int sum_count() const override { return 2; }

  Var loss(Context& context, const Batch& samples, double normaliser, std::span<double> sums) const override {
    Tape& tape = context.tape();
    const Tape::Scope scope(tape, "net");
    const Var x = tape.constant(samples.inputs.to(context[net_.up].dtype(), tape.pool()));
    Var h = linear(x, context[net_.up], context[net_.bias], Activation::gelu);
    if (context.training()) h = drop(context, h, samples.size());
    if (poison >= 0 && context.training()) h = log(h * poison);
    const Var mean = cross_entropy(linear(h, context[net_.down]), samples.targets);
    const auto count = static_cast<double>(samples.size());
    sums[0] += mean.value().item() * count;
    sums[1] += count;
    return mean * (count / normaliser);
  }
  NamedValues metrics(std::span<const double> sums) const override { return {{"loss", sums[0] / sums[1]}}; }

  double poison = -1;

 private:
  // A draw belongs to the sample's place in the batch, not to the shard.
  static Var drop(Context& context, const Var& h, Index samples) {
    const Rng rng = context.rng("dropout");
    Tensor mask = Tensor::empty(h.shape(), h.dtype(), context.tape().pool());
    const Index width = h.size() / samples;
    for (Index i = 0; i < h.size(); ++i)
      mask.set(i, rng.uniform(static_cast<std::uint64_t>(context.first_sample() * width + i)) < 0.2 ? 0 : 1.25);
    return h * context.tape().constant(mask);
  }
  struct Net : Module {
    Parameter up{{32, 2}, Init::normal(1)}, bias{{32}, Init::zeros(), false}, down{{3, 32}, Init::normal(0.2)};
    void visit(ParameterVisitor& v) override {
      v("up.weight", up);
      v("up.bias", bias);
      v("down.weight", down);
    }
  };
  mutable Net net_;
};

std::shared_ptr<const Dataset> points(std::int64_t count) {
  Tensor x = Tensor::empty({count, 2}, DType::float32), y = Tensor::empty({count}, DType::int32);
  Rng(3, "points").fill_normal(x, 0, 1);
  for (Index i = 0; i < count; ++i) y.set(i, x.at(2 * i) > 0 ? (x.at(2 * i + 1) > 0 ? 0 : 1) : 2);
  Description description;
  description.inputs = {2};
  description.classes = 3;
  return std::make_shared<TensorDataset>(x, y, description);
}

TrainerOptions small() {
  TrainerOptions options;
  options.steps = 30;
  options.batch = 16;
  options.shard = 4;
  return options;
}

struct Run {
  explicit Run(const TrainerOptions& options)
      : trainer(options, learner, points(100), AdamWOptions(), [](std::int64_t) { return 0.01; }) {}
  Points learner;
  Trainer trainer;
};

std::string hash_of(const TrainerOptions& options) {
  Run run(options);
  CHECK(run.trainer.run());
  return run.trainer.weights_hash();
}

}  // namespace

TEST_CASE("a trainer learns", "[trainer]") {
  TrainerOptions options = small();
  options.steps = 200;
  Run run(options);
  const double before = run.trainer.evaluate(*points(100))[0].value;
  CHECK(run.trainer.run());
  CHECK(run.trainer.evaluate(*points(100))[0].value < before / 3);
  CHECK(run.trainer.steps_done() == 200);
}

TEST_CASE("threads and prefetch change no bit, seeds do", "[trainer]") {
  const std::string expected = hash_of(small());
  for (const int threads : {2, 3, 4}) {
    TrainerOptions options = small();
    options.threads = threads;
    options.prefetch = threads % 3;
    CHECK(hash_of(options) == expected);
  }
  TrainerOptions other = small();
  other.seed = 2;
  CHECK(hash_of(other) != expected);
}

TEST_CASE("accumulation k x b gives the bits of a batch k b", "[trainer]") {
  TrainerOptions accumulated = small(), large = small();
  accumulated.batch = 8;
  accumulated.accumulate = 4;
  large.batch = 32;
  CHECK(hash_of(accumulated) == hash_of(large));
}

TEST_CASE("a run stopped and resumed at any step has the bits of one that was not", "[trainer][checkpoint]") {
  TrainerOptions options = small();
  options.average.decay = 0.9;
  Run whole(options);
  CHECK(whole.trainer.run());
  const std::string expected = whole.trainer.weights_hash();
  const double expected_loss = whole.trainer.evaluate(*points(50))[0].value;
  const TestFolder folder;
  for (int cut = 0; cut <= 30; cut += cut < 8 ? 1 : 5) {  // epochs have six steps: cuts within and between
    {
      Run first(options);
      first.trainer.on_step = [&](const StepReport& report) {
        if (report.step == cut) first.trainer.stop();
      };
      if (cut > 0) first.trainer.run();
      first.trainer.save(folder.path / "step");
    }
    options.threads = 1 + cut % 2;
    Run second(options);
    second.trainer.resume(folder.path / "step");
    CHECK(second.trainer.steps_done() == cut);
    CHECK(second.trainer.run());
    CHECK(second.trainer.weights_hash() == expected);
    CHECK(second.trainer.evaluate(*points(50))[0].value == expected_loss);  // of the averaged weights
  }
  Run other(options);
  other.trainer.checkpoint_in(folder.path, "another");
  CHECK(folder.error_of([&] { other.trainer.resume(folder.path / "step"); }) ==
        "Trainer::resume: step was made with configuration  and seed 1, but this run has another and 1; resume with "
        "the configuration that the run's folder holds");
}

TEST_CASE("a signal stops the run between two steps", "[trainer]") {
  const StopSignals signals;
  Run run(small());
  run.trainer.on_step = [](const StepReport& report) {
    if (report.step == 7) std::raise(SIGTERM);
  };
  run.trainer.should_stop = StopSignals::asked;
  CHECK_FALSE(run.trainer.run());
  CHECK(run.trainer.steps_done() == 7);
}

TEST_CASE("a loss that is not finite names the operation and the module", "[trainer][watch]") {
  Run run(small());
  run.trainer.on_step = [&](const StepReport& report) {
    if (report.step == 5) run.learner.poison = 1;  // the logarithm of negative numbers from here on
  };
  try {
    run.trainer.run();
    FAIL("it went on");
  } catch (const NonFiniteError& error) {
    CHECK(error.op == "log");
    CHECK(error.path == "net");
    CHECK(error.step == 5);
  }
}

TEST_CASE("evaluation does not depend on the cut and changes nothing", "[trainer]") {
  Run run(small());
  const std::string before = run.trainer.weights_hash();
  const double whole = run.trainer.evaluate(*points(50))[0].value;
  TrainerOptions options = small();
  options.shard = 3;
  Run other(options);
  CHECK(other.trainer.evaluate(*points(50))[0].value == Approx(whole).epsilon(1e-6));
  CHECK(run.trainer.weights_hash() == before);
}

TEST_CASE("evaluation takes the averaged weights, training its own", "[trainer][average]") {
  TrainerOptions options = small();
  const std::string expected = hash_of(options);
  options.average.decay = 0.9;
  Run run(options);
  WeightAverage average(options.average);
  run.trainer.on_step = [&](const StepReport& report) { average.update(run.trainer.parameters().flat(), report.step); };
  CHECK(run.trainer.run());
  CHECK(run.trainer.weights_hash() == expected);
  const double of_average = run.trainer.evaluate(*points(50))[0].value;
  run.trainer.parameters().flat().copy_from(average.state());
  options.average.decay = 0;
  Run twin(options);
  twin.trainer.parameters().flat().copy_from(average.state());
  CHECK(twin.trainer.evaluate(*points(50))[0].value == of_average);
}

namespace {

// A run that validates every 3 steps and saves every 4.
struct WatchedRun : Run {
  WatchedRun(const TrainerOptions& options, const fs::path& folder) : Run(changed(options)) {
    trainer.validate_on(points(50));
    trainer.checkpoint_in(folder);
    trainer.on_evaluation = [this](const EvaluationReport& report) { evaluations.push_back(report); };
    trainer.on_checkpoint = [this](const CheckpointReport& report) { checkpoints.push_back(report.step); };
  }
  static TrainerOptions changed(TrainerOptions options) {
    options.evaluate.every = 3;
    options.checkpoint.every = 4;
    return options;
  }
  std::vector<EvaluationReport> evaluations;
  std::vector<std::int64_t> checkpoints;
};

}  // namespace

TEST_CASE("a step that fails can be played again from what came before it", "[trainer][watch]") {
  const TestFolder folder;
  {
    WatchedRun run(small(), folder.path);
    run.trainer.on_step = [&](const StepReport& report) {
      if (report.step == 5) run.learner.poison = 1;
    };
    CHECK_THROWS_AS(run.trainer.run(), NonFiniteError);
  }
  const fs::path failed = folder.path / "failed-000005";
  for (const bool poisoned : {true, false}) {
    WatchedRun again(small(), folder.path);
    again.trainer.resume(failed);
    CHECK(again.trainer.steps_done() == 5);
    again.learner.poison = poisoned ? 1 : -1;
    if (poisoned) {
      CHECK_THROWS_AS(again.trainer.run(), NonFiniteError);
      CHECK(again.trainer.steps_done() == 5);
    } else {
      CHECK(again.trainer.run());
      CHECK(again.trainer.weights_hash() == hash_of(small()));
    }
  }
}

TEST_CASE("a trainer evaluates, saves and keeps the best", "[trainer][checkpoint]") {
  const TestFolder folder;
  TrainerOptions options = small();
  options.steps = 20;
  WatchedRun run(options, folder.path);
  CHECK(run.trainer.run());
  std::vector<std::int64_t> steps;
  std::int64_t best = 0;
  for (const EvaluationReport& report : run.evaluations) {
    steps.push_back(report.step);
    if (report.best) best = report.step;
  }
  CHECK(steps == std::vector<std::int64_t>{3, 6, 9, 12, 15, 18, 20});
  CHECK(run.trainer.best_step() == best);
  const CheckpointFolder checkpoints(folder.path);
  CHECK(checkpoints.best()->step == best);
  CHECK(checkpoints.newest()->step == 20);
  CHECK(checkpoints.complete().size() <= 3);
  // What the best was worth is still known, and asking changes nothing.
  const std::string before = run.trainer.weights_hash();
  for (const EvaluationReport& report : run.evaluations)
    if (report.step == best)
      CHECK(run.trainer.evaluate_checkpoint(checkpoints.best()->path, *points(50))[0].value == report.metrics[0].value);
  CHECK(run.trainer.weights_hash() == before);
}

TEST_CASE("early stopping ends a run, and a resumed one at the same step", "[trainer][early_stopping]") {
  const TestFolder folder;
  TrainerOptions options = small();
  options.steps = 1000;
  options.stopping.patience = 2;
  options.stopping.min_delta = 0.1;
  options.average.decay = 0.5;
  WatchedRun whole(options, folder.path / "whole");
  CHECK(whole.trainer.run());
  CHECK(whole.trainer.stopped_early());
  const std::int64_t end = whole.trainer.steps_done();
  REQUIRE(end < 60);
  REQUIRE(end > 9);
  for (const std::int64_t cut : {std::int64_t{4}, end - 3, end}) {
    const fs::path path = folder.path / std::to_string(cut);
    {
      WatchedRun first(options, path);
      first.trainer.on_step = [&](const StepReport& report) {
        if (report.step == cut) first.trainer.stop();
      };
      CHECK(first.trainer.run() == (cut == end));
    }
    WatchedRun second(options, path);
    second.trainer.resume(CheckpointFolder(path).newest()->path);
    CHECK(second.trainer.run());
    CHECK(second.trainer.steps_done() == end);
    CHECK(second.trainer.best_step() == whole.trainer.best_step());
    CHECK(second.trainer.weights_hash() == whole.trainer.weights_hash());
  }
}

TEST_CASE("an evaluation that is stopped is done again by the run that goes on", "[trainer][early_stopping]") {
  const TestFolder folder;
  WatchedRun whole(small(), folder.path / "whole");
  CHECK(whole.trainer.run());
  WatchedRun first(small(), folder.path / "cut");
  // Asked before steps 1, 2 and 3, and then in the evaluation after step 3.
  int asked = 0;
  first.trainer.should_stop = [&] { return ++asked == 4; };
  CHECK_FALSE(first.trainer.run());
  CHECK(first.trainer.steps_done() == 3);
  CHECK(first.evaluations.empty());
  CHECK(first.checkpoints == std::vector<std::int64_t>{3});
  WatchedRun second(small(), folder.path / "cut");
  second.trainer.resume(folder.path / "cut/step-000003");
  CHECK(second.trainer.run());
  REQUIRE(second.evaluations.size() == whole.evaluations.size());
  for (std::size_t i = 0; i < whole.evaluations.size(); ++i) {
    CHECK(second.evaluations[i].step == whole.evaluations[i].step);
    CHECK(second.evaluations[i].metrics[0].value == whole.evaluations[i].metrics[0].value);
    CHECK(second.evaluations[i].best == whole.evaluations[i].best);
  }
  CHECK(second.trainer.weights_hash() == whole.trainer.weights_hash());
}

TEST_CASE("the averaged weights of a checkpoint load as they are", "[trainer][average][checkpoint]") {
  const TestFolder folder;
  TrainerOptions options = small();
  options.average.decay = 0.9;
  Run run(options);
  run.trainer.run();
  run.trainer.save(folder.path / "step");
  CHECK(fs::exists(folder.path / "step/average.safetensors"));
  options.average.decay = 0;
  Run plain(options);
  CHECK(plain.trainer.evaluate_checkpoint(folder.path / "step", *points(50))[0].value ==
        run.trainer.evaluate(*points(50))[0].value);
  fs::remove(folder.path / "step/average.safetensors");
  CHECK_THROWS_AS(run.trainer.resume(folder.path / "step"), CheckpointError);
}

TEST_CASE("what fails is told by its kind", "[trainer][errors]") {
  const TestFolder folder;
  SECTION("a metric that is not there") {
    TrainerOptions options = small();
    options.stopping.metric = "losss";
    Run run(options);
    CHECK(folder.error_of([&] { run.trainer.validate_on(points(5)); }) ==
          "train: stopping.metric is 'losss', which this head does not report; did you mean `loss`?; it reports loss");
  }
  SECTION("a batch that cannot be read") {
    struct Broken : Dataset {
      using Dataset::Dataset;
      void put(std::int64_t, Index, Batch&) const override { fail("reader", "byte 7 is missing"); }
    };
    Description description;
    description.inputs = {2};
    description.classes = 3;
    Points learner;
    Trainer trainer(small(), learner, std::make_shared<Broken>(100, description), AdamWOptions(),
                    [](std::int64_t) { return 0.01; });
    CHECK_THROWS_AS(trainer.step(), DataError);
    CHECK_THROWS_AS(trainer.evaluate(Broken(100, description)), DataError);
  }
  SECTION("a checkpoint in passing is only a warning, the last one is not") {
    folder.write("file", "");
    TrainerOptions options = small();
    options.steps = 5;
    WatchedRun run(options, folder.path / "file/checkpoints");
    CHECK_THROWS_AS(run.trainer.run(), CheckpointError);
    CHECK(run.trainer.steps_done() == 5);
  }
}

TEST_CASE("parameter rules reach the optimizer", "[trainer]") {
  TrainerOptions options = small();
  options.parameters.lr_factors = {"down.*=0"};
  Run run(options);
  const std::vector<double> before = run.trainer.parameters().find("down.weight").parameter->value.to_vector();
  run.trainer.run();
  CHECK(run.trainer.parameters().find("down.weight").parameter->value.to_vector() == before);
}
