#include "train/trainer.h"

#include <catch2/catch.hpp>
#include <csignal>

#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "tests/support/folder.h"
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
  std::vector<NamedValue> metrics(std::span<const double> sums) const override { return {{"loss", sums[0] / sums[1]}}; }

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
      : trainer(
            options, learner, points(100), [](std::vector<Segment> s) { return AdamWOptions().make(std::move(s)); },
            [](std::int64_t) { return 0.01; }) {}
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
  const std::string expected = hash_of(small());
  const TestFolder folder;
  for (int cut = 0; cut <= 30; cut += cut < 8 ? 1 : 5) {  // epochs have six steps: cuts within and between
    {
      Run first(small());
      first.trainer.on_step = [&](const StepReport& report) {
        if (report.step == cut) first.trainer.stop();
      };
      if (cut > 0) first.trainer.run();
      first.trainer.save(folder.path / "step", "fingerprint", {{"best", 0.3}});
    }
    TrainerOptions options = small();
    options.threads = 1 + cut % 2;
    Run second(options);
    CHECK(second.trainer.resume(folder.path / "step", "fingerprint").at("best") == 0.3);
    CHECK(second.trainer.steps_done() == cut);
    CHECK(second.trainer.run());
    CHECK(second.trainer.weights_hash() == expected);
  }
  Run other(small());
  CHECK_THROWS_WITH(
      other.trainer.resume(folder.path / "step", "another"),
      "Trainer::resume: " + (folder.path / "step").string() +
          " was made with configuration fingerprint and seed 1, but this run has another and 1; resume with "
          "the configuration that the run's folder holds");
}

TEST_CASE("a signal stops the run between two steps", "[trainer]") {
  const StopSignals signals;
  Run run(small());
  run.trainer.on_step = [](const StepReport& report) {
    if (report.step == 7) std::raise(SIGTERM);
  };
  CHECK_FALSE(run.trainer.run(StopSignals::asked));
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
