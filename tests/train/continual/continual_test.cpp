// Streams of tasks from the configuration to the report.
#include <algorithm>
#include <cmath>

#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "train/continual/ewc.h"
#include "train/continual/stream_report.h"
#include "train/output/console.h"
#include "train/results.h"
#include "train/run.h"

using namespace tempera;

namespace {

const std::string kSmall =
    R"(data: {type: latent_classes, classes: 5, latent: 4, features: 6, train: 150, valid: 20, test: 50}
model: {type: mlp, hidden: [10], activation: relu}
optimizer: {type: sgd, momentum: 0}
lr: 0.1
schedule: {type: constant}
clip: {norm: null}
train: {steps: 18, batch: 4}
)";

// Every method of the table, and what else changes a step.
std::vector<std::string> streams() {
  std::vector<std::string> all = {
      "{type: class, tasks: 3, order: 4, mask: {stream: task, value: 1}}",
      "{type: class, tasks: 3, method: {type: ewc, lambda: 5, online: true, gamma: 0.5}, mask: {stream: task}}",
      "{type: class, tasks: 3, method: {type: er, buffer: 9, batch: 5}, mask: {stream: present}}",
      "{type: class, tasks: 3, method: {type: er, buffer: 9, selection: balanced}, mask: {stream: task, buffer: task}}",
      "{type: class, tasks: 3, method: {type: derpp, buffer: 9, batch: 3}, mask: {stream: task, value: 0}}",
      "{type: permuted, tasks: 3, method: {type: lwf}}",
      "{type: permuted, tasks: 3, method: {type: derpp, buffer: 5}}",
  };
  for (const Kind& method : method_kinds())
    all.push_back(fmt::format("{{type: class, tasks: 3, method: {{type: {}}}}}", method.name));
  return all;
}

TestExperiment small(const std::string& continual, std::vector<std::string> overrides = {}) {
  return TestExperiment(kSmall + "continual: " + continual + "\n", std::move(overrides));
}

const ContinualLearner& learner_of(const TestExperiment& run) {
  REQUIRE(run.experiment->continual());
  return *run.experiment->continual();
}

std::vector<double> accuracies(const TestExperiment& run) {
  std::vector<double> all = learner_of(run).class_incremental().values().to_vector();
  const std::vector<double> more = learner_of(run).task_incremental().values().to_vector();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<double> weights(TestExperiment& run, std::string_view name) {
  const Parameters& parameters = run.trainer().parameters();
  return parameters.view(parameters.flat(), parameters.find(name)).to_vector();
}

std::string error_of(const std::string& continual, std::vector<std::string> overrides = {}) {
  return TestFolder().error_of([&] { small(continual, std::move(overrides)); });
}

}  // namespace

TEST_CASE("a stream trains to the same bits on any number of threads", "[continual]") {
  for (const std::string& method : streams()) {
    INFO(method);
    std::string hash;
    std::vector<double> matrix;
    for (const char* threads : {"train.threads=1", "train.threads=3"}) {
      TestExperiment run = small(method, {threads, "train.shard=3"});
      CHECK(run.trainer().run());
      if (hash.empty()) hash = run.trainer().weights_hash(), matrix = accuracies(run);
      CHECK(run.trainer().weights_hash() == hash);
      CHECK(accuracies(run) == matrix);
    }
    for (const double accuracy : matrix) CHECK((0 <= accuracy && accuracy <= 1));  // all were measured
  }
}

TEST_CASE("a stream stopped and resumed at any step has the bits of one that was not", "[continual][checkpoint]") {
  const TestFolder folder;
  for (const std::string& method : streams()) {
    INFO(method);
    TestExperiment whole = small(method);
    CHECK(whole.trainer().run());
    for (const int cut : {1, 5, 6, 7, 12, 18}) {  // tasks end with steps 6, 12 and 18
      TestExperiment first = small(method), second = small(method, {"train.threads=2"});
      first.trainer().on_step = [&](const StepReport& report) {
        if (report.step == cut) first.trainer().stop();
      };
      first.trainer().run();
      first.trainer().save(folder.path / "step");
      second.trainer().resume(folder.path / "step");
      CHECK(second.trainer().run());
      CHECK(second.trainer().weights_hash() == whole.trainer().weights_hash());
      CHECK(accuracies(second) == accuracies(whole));
    }
  }
  // What one learner remembers is nothing for another.
  TestExperiment run = small("{type: class, method: {type: der}}"), other = small("{type: class, method: {type: lwf}}"),
                 plain = TestExperiment(kSmall);
  run.trainer().save(folder.path / "step");
  CHECK(folder.error_of([&] { other.trainer().resume(folder.path / "step"); }) ==
        "checkpoint: step/learner.safetensors has no tensor 'lwf.weights', which the model wants");
  CHECK(folder.error_of([&] { plain.trainer().resume(folder.path / "step"); }) ==
        "checkpoint: step/learner.safetensors holds 'accuracy.class_incremental', which the model does not have; was "
        "it made with another configuration?");
}

TEST_CASE("knowing the task never hurts", "[continual]") {
  for (const std::string& method : streams()) {
    INFO(method);
    TestExperiment run = small(method, {"train.steps=60", "data.test=200"});
    run.trainer().run();
    for (Index k = 0; k <= 3; ++k)
      for (Index i = 1; i <= 3; ++i)
        CHECK(learner_of(run).class_incremental().at(k, i) <= learner_of(run).task_incremental().at(k, i));
  }
}

TEST_CASE("masked classes keep their rows of the head, bit for bit", "[continual]") {
  using Rows = std::vector<bool>;
  const auto changed = [](const std::vector<double>& before, const std::vector<double>& after) {
    Rows rows(5);
    for (std::size_t i = 0; i < before.size(); ++i)
      if (before[i] != after[i]) rows[i / (before.size() / 5)] = true;
    return rows;
  };
  const Rows first{true, true, false, false, false}, second{false, false, true, true, true};
  for (const char* value : {"null", "2"}) {
    TestExperiment run =
        small("{type: class, tasks: 2}", {"continual.mask.stream=task", fmt::format("continual.mask.value={}", value)});
    for (const Rows& own : {first, second}) {
      const std::vector<double> before = weights(run, "head.weight"), bias = weights(run, "head.bias");
      for (int i = 0; i < 9; ++i) run.trainer().step();
      CHECK(changed(before, weights(run, "head.weight")) == own);
      CHECK(changed(bias, weights(run, "head.bias")) == own);
    }
  }
  TestExperiment plain = small("{type: class, tasks: 2}");  // the check can fail
  const std::vector<double> before = weights(plain, "head.bias");
  plain.trainer().step();
  CHECK(changed(before, weights(plain, "head.bias")) == Rows(5, true));
}

TEST_CASE("methods that do nothing in the first task begin as fine-tuning", "[continual]") {
  TestExperiment plain = small("{type: class, tasks: 3}");
  for (int i = 0; i < 6; ++i) plain.trainer().step();
  const std::string first = plain.trainer().weights_hash();
  for (int i = 0; i < 12; ++i) plain.trainer().step();
  const std::string last = plain.trainer().weights_hash();
  for (const char* method : {"{type: ewc, lambda: 5, samples: 9}", "{type: lwf}", "{type: er, buffer: 0}",
                             "{type: ewc, lambda: 0}", "{type: lwf, weight: 0}"}) {
    INFO(method);
    TestExperiment run = small(fmt::format("{{type: class, tasks: 3, method: {}}}", method));
    for (int i = 0; i < 6; ++i) run.trainer().step();
    CHECK(run.trainer().weights_hash() == first);
    for (int i = 0; i < 12; ++i) run.trainer().step();
    const bool nothing = std::string_view(method).find(": 0") != std::string_view::npos;
    CHECK((run.trainer().weights_hash() == last) == nothing);
  }
}

// Two steps are enough: the buffer has room for all of the first batch, and the second draws all of it.
TEST_CASE("DER++ is the masked mean of the stream, and two means over memory", "[continual]") {
  TestExperiment run = small(
      "{type: class, tasks: 3, method: {type: derpp, buffer: 50, batch: 4, alpha: 0.3, beta: 0.7}, mask: {stream: "
      "task, "
      "value: 0.5}}",
      {"train.dtype=float64", "train.shard=3"});
  const ContinualLearner& learner = learner_of(run);
  const Sampler sampler(learner.stages(), {.batch = 4, .seed = run.options.train.seed});
  Batch then, now;
  std::vector<std::int64_t> ids;
  sampler.samples(0, ids);
  learner.stream().train->fill(ids, then);
  sampler.samples(1, ids);
  learner.stream().train->fill(ids, now);
  const auto logits = [&](const Batch& batch) {
    Tape tape;
    Context context(tape, run.trainer().parameters());
    context.begin(0, 0);
    return learner.logits(context, batch).value().clone();
  };
  const Tensor before = logits(then);
  run.trainer().step();
  const Tensor after = logits(then), stream = logits(now);
  REQUIRE(learner.stream().tasks[0].classes == std::vector<std::int32_t>{0});  // one of five classes, then two, two
  double match = 0, replayed = 0, masked = 0;
  for (Index row = 0; row < 4; ++row) {
    double all = 0;
    for (Index c = 0; c < 5; ++c) {
      match += std::pow(after.at(5 * row + c) - before.at(5 * row + c), 2) / 20;
      all += std::exp(after.at(5 * row + c));
    }
    replayed += (std::log(all) - after.at(5 * row + static_cast<Index>(then.targets.at(row)))) / 4;
    masked += (std::log(std::exp(stream.at(5 * row)) + 4 * std::exp(0.5)) - stream.at(5 * row)) / 4;
  }
  const StepReport& report = run.trainer().step();
  CHECK(*report.metrics.find("method_loss") == Approx(0.3 * match + 0.7 * replayed).epsilon(1e-10));
  CHECK(*report.metrics.find("loss") == Approx(masked + 0.3 * match + 0.7 * replayed).epsilon(1e-10));
}

TEST_CASE("the penalties of all tasks are one quadratic form", "[continual][ewc]") {
  const std::vector<double> f1{1, 0, 3}, f2{2, 5, 0}, w1{0.5, 1, -1}, w2{-1, 2, 4}, w{0.3, -0.7, 2};
  const auto tensor = [](const std::vector<double>& v) { return Tensor::from<double>({3}, v); };
  const auto gradient_of = [&](const QuadraticPenalty& penalty, const std::vector<double>& at) {
    Tensor gradient = Tensor::full({3}, DType::float64, 1);  // on top of what is there
    penalty.add_gradient(tensor(at), 2, gradient);
    return gradient.to_vector();
  };
  QuadraticPenalty apart(3, DType::float64), online(3, DType::float64);
  for (QuadraticPenalty* penalty : {&apart, &online}) {
    penalty->add(tensor(f1), tensor(w1), penalty == &online ? 0.5 : 1, penalty == &online);
    penalty->add(tensor(f2), tensor(w2), penalty == &online ? 0.5 : 1, penalty == &online);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(gradient_of(apart, w)[i] == Approx(1 + 2 * (f1[i] * (w[i] - w1[i]) + f2[i] * (w[i] - w2[i]))));
    CHECK(gradient_of(online, w)[i] == Approx(1 + 2 * (0.5 * f1[i] + f2[i]) * (w[i] - w2[i])));
    std::vector<double> up = w, down = w;
    up[i] += 1e-4;
    down[i] -= 1e-4;
    const double slope = (apart.value(tensor(up)) - apart.value(tensor(down))) / 2e-4;
    CHECK(gradient_of(apart, w)[i] == Approx(1 + 2 * slope).epsilon(1e-8));
  }
}

// For the head's bias the gradient of -log p_y is p - [y], so its Fisher information is known from the logits.
TEST_CASE("the Fisher information is the mean of the squared gradients of samples", "[continual][ewc]") {
  for (const char* mask : {"all", "task"}) {
    TestExperiment run = small("{type: class, tasks: 2, method: {type: ewc, samples: 0}}",
                               {"train.dtype=float64", fmt::format("continual.mask.stream={}", mask)});
    for (int i = 0; i < 9; ++i) run.trainer().step();
    const ContinualLearner& learner = learner_of(run);
    const Parameters& parameters = run.trainer().parameters();
    Tape tape;
    Context context(tape, parameters);
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < 60; ++i) ids.push_back(i);
    Batch batch;
    learner.stream().train->fill(ids, batch);
    context.begin(0, 0);
    const Tensor z = learner.logits(context, batch).value();
    const Index seen = std::string_view(mask) == "task" ? 2 : 5;
    std::vector<double> wanted(5, 0.0);
    for (Index row = 0; row < 60; ++row) {
      double total = 0;
      for (Index c = 0; c < seen; ++c) total += std::exp(z.at(5 * row + c));
      for (Index c = 0; c < seen; ++c)
        wanted[static_cast<std::size_t>(c)] +=
            std::pow(std::exp(z.at(5 * row + c)) / total - (c == static_cast<Index>(batch.targets.at(row)) ? 1 : 0),
                     2) /
            60;
    }
    const Learner::State state = run.experiment->learner().state();
    REQUIRE(state.at(0).first == "ewc.curvature");
    const Tensor found = parameters.view(state[0].second, parameters.find("head.bias"));
    for (Index c = 0; c < 5; ++c) CHECK(found.at(c) == Approx(wanted[static_cast<std::size_t>(c)]).margin(1e-14));
  }
}

TEST_CASE("a penalty holds the weights back", "[continual][ewc]") {
  std::vector<double> moved;
  for (const char* lambda : {"0", "10", "100"}) {
    TestExperiment run = small("{type: class, tasks: 2, method: {type: ewc}}",
                               {fmt::format("continual.method.lambda={}", lambda), "lr=0.02", "train.steps=200"});
    for (int i = 0; i < 100; ++i) run.trainer().step();
    const Tensor before = run.trainer().parameters().flat().clone();
    for (int i = 0; i < 100; ++i) run.trainer().step();
    moved.push_back((run.trainer().parameters().flat().vec<float>() - before.vec<float>()).square().sum());
  }
  CHECK(moved[1] < moved[0]);
  CHECK(moved[2] < moved[1]);
}

TEST_CASE("ER with the mask of present classes leaves absent old classes alone", "[continual]") {
  // Without memory, so that only the stream moves the head.
  TestExperiment run =
      small("{type: class, tasks: 2, method: {type: er, buffer: 0}, mask: {stream: present}}", {"train.batch=8"});
  for (int i = 0; i < 9; ++i) run.trainer().step();
  const std::vector<double> before = weights(run, "head.bias");
  for (int i = 0; i < 9; ++i) run.trainer().step();
  const std::vector<double> after = weights(run, "head.bias");
  for (std::size_t c = 0; c < 5; ++c) CHECK((before[c] == after[c]) == (c < 2));
}

TEST_CASE("a stream leaves its figures and its matrices", "[continual][results]") {
  const TestFolder folder;
  const auto run = [&](const std::string& continual) {
    TestExperiment test = small(continual, {"folder=" + folder.path.string()});
    std::FILE* screen = std::tmpfile();
    {
      Console console(screen);
      CHECK(run_experiment(*test.experiment, console, {}, RunStart::overwrite) == RunEnd::done);
    }
    std::fclose(screen);
    const Results results = read_results(folder.path / "run");
    std::vector<std::string> announced = result_names(*test.experiment), written;
    for (const auto& [name, value] : results) {
      written.push_back(name);
      INFO(name);
      CHECK(std::isfinite(value));
    }
    std::sort(announced.begin(), announced.end());
    std::sort(written.begin(), written.end());
    CHECK(announced == written);
    const ContinualLearner& learner = learner_of(test);
    if (learner.stream().apart) {
      CHECK(*find_result(results, "class_il_accuracy") == learner.class_incremental().average(3));
      CHECK(*find_result(results, "class_il_forgetting") == learner.class_incremental().forgetting(3));
      CHECK(*find_result(results, "task_il_forward_transfer") == learner.task_incremental().forward_transfer(3));
    } else {
      CHECK(*find_result(results, "domain_il_backward_transfer") == learner.task_incremental().backward_transfer(3));
    }
    return contents_of(folder.path / "run/report.html");
  };
  const std::string page = run("{type: class, tasks: 3, method: {type: er}}");
  CHECK(page.find("accuracy, class-incremental") != std::string::npos);
  CHECK(page.find("accuracy, task-incremental") != std::string::npos);
  CHECK(run("{type: permuted, tasks: 3}").find("accuracy, domain-incremental") != std::string::npos);
}

TEST_CASE("a plan tells what comes when", "[continual]") {
  TestExperiment run = small("{type: class, tasks: 2}");
  const std::string plan = run.experiment->plan();
  CHECK(plan.find("task 1      classes 0, 1; 60 training and 20 test samples; steps 1 to 9\n"
                  "task 2      classes 2, 3, 4; 90 training and 30 test samples; steps 10 to 18\n") !=
        std::string::npos);
}

TEST_CASE("streams that cannot be trained are refused before training", "[continual][errors]") {
  const std::string two = "{type: class, tasks: 2}";
  CHECK(error_of("{type: class, tasks: 6}") ==
        "continual: 6 tasks came, but the data have 5 classes; lower continual.tasks to 5 at most");
  CHECK(error_of(two, {"head.type=entmax"}) ==
        "continual: head.type is entmax, but tasks are learned with the cross-entropy of class logits; choose "
        "cross_entropy");
  CHECK(error_of(two, {"head.type=squared_error", "train.batch=0", "average.decay=0.9", "stopping.patience=2",
                       "train.steps=1"}) ==
        "continual: head.type is squared_error, but tasks are learned with the cross-entropy of class logits; choose "
        "cross_entropy\n"
        "  train.batch is 0, the whole set, but tasks come one by one; give a number\n"
        "  average.decay is set, but tasks are measured with the weights as they are; set it to 0\n"
        "  stopping.patience is set, and later tasks might never come; set it to 0\n"
        "  train.steps is 1 for 2 tasks, which share them; give each a step at least");
  CHECK(error_of(two, {"train.batch=80"}) ==
        "continual: task 1 has 60 training samples, fewer than a batch of 80; lower train.batch, or set "
        "train.drop_last: false");
  CHECK(error_of(two, {"head.z_loss=0.1"}) ==
        "continual: head.label_smoothing, z_loss and class_weights have no place in the losses of continual learning; "
        "leave them out");
  CHECK(error_of(two, {"data.train=20000000"}).find("each is read once to learn its class; lower it to 10,000,000") !=
        std::string::npos);
  CHECK(error_of(two, {"continual.tasks=1"}).find("continual.tasks: must be between 2 and 65536, got 1") !=
        std::string::npos);
  CHECK(error_of("{type: class, method: {type: er, buffer: -1}}")
            .find("continual.method.buffer: must be between 0 and 16777216, got -1") != std::string::npos);
  CHECK(error_of("{type: class, method: {type: ewc, gamma: 0.5}}").find("set online: true") != std::string::npos);
  CHECK(error_of("{type: permuted, mask: {stream: task}}").find("unknown key `mask` in continual") !=
        std::string::npos);
}
