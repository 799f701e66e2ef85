#include "data/task_stream.h"

#include <algorithm>
#include <map>

#include "data/sampler.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

// Sample i has class classes[i] and inputs (i, 100 + i, 200 + i).
std::shared_ptr<const Dataset> numbered(const std::vector<std::int32_t>& classes, Index count) {
  const auto size = static_cast<Index>(classes.size());
  Tensor x = Tensor::empty({size, 3}, DType::float32);
  for (Index i = 0; i < x.size(); ++i) x.set(i, static_cast<double>(i % 3 * 100 + i / 3));
  return std::make_shared<TensorDataset>(x, Tensor::from<std::int32_t>({size}, classes),
                                         Description{.inputs = {3}, .classes = count});
}

DataSource source_of(const std::vector<std::int32_t>& classes, Index count) {
  DataSource source;
  source.train = source.test = numbered(classes, count);
  return source;
}

std::vector<double> read(const Dataset& set, std::int64_t first, std::int64_t count, bool targets) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(first + i);
  Batch batch;
  set.fill(ids, batch);
  return (targets ? batch.targets : batch.inputs).to_vector();
}

}  // namespace

TEST_CASE("classes are dealt out to tasks, and each sample comes in its task", "[data][task_stream]") {
  const std::vector<std::int32_t> classes{4, 0, 1, 2, 3, 4, 0, 1};
  const TaskStream stream = class_stream(source_of(classes, 5), 2, {});
  REQUIRE(stream.tasks.size() == 2);
  CHECK(stream.tasks[0].classes == std::vector<std::int32_t>{0, 1});  // floor(5 / 2) classes, then the rest
  CHECK(stream.tasks[1].classes == std::vector<std::int32_t>{2, 3, 4});
  CHECK(stream.task_of_class() == std::vector<std::int32_t>{0, 0, 1, 1, 1});
  CHECK(stream.tasks[1].first == 4);
  CHECK(stream.tasks[1].size == 4);
  CHECK(read(*stream.train, 0, 8, true) == std::vector<double>{0, 1, 0, 1, 4, 2, 3, 4});
  CHECK(read(*stream.train, 4, 1, false) == std::vector<double>{0, 100, 200});
  CHECK(read(*stream.tasks[1].test, 0, 4, true) == std::vector<double>{4, 2, 3, 4});
  // A drawn order is a permutation, another for another seed.
  std::vector<std::int32_t> all;
  const TaskStream drawn = class_stream(source_of(classes, 5), 5, 3);
  for (const StreamTask& task : drawn.tasks) all.insert(all.end(), task.classes.begin(), task.classes.end());
  CHECK(all != std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(std::is_permutation(all.begin(), all.end(), drawn.task_of_class().begin()));
}

TEST_CASE("a permuted task has the same samples with their entries elsewhere", "[data][task_stream]") {
  const TaskStream stream = permuted_stream(source_of({0, 1, 1}, 2), 4, 2);
  CHECK_FALSE(stream.apart);
  CHECK(stream.train->size() == 12);
  CHECK(read(*stream.train, 0, 3, false) == std::vector<double>{0, 100, 200, 1, 101, 201, 2, 102, 202});
  bool moved = false;
  for (std::int64_t t = 1; t < 4; ++t) {
    CHECK(stream.tasks[static_cast<std::size_t>(t)].first == 3 * t);
    const std::vector<double> first = read(*stream.train, 3 * t, 1, false),
                              third = read(*stream.train, 3 * t + 2, 1, false);
    for (std::size_t i = 0; i < 3; ++i) CHECK(third[i] == first[i] + 2);  // the same order for all of a task
    CHECK(std::is_permutation(first.begin(), first.end(), std::vector<double>{0, 100, 200}.begin()));
    CHECK(read(*stream.tasks[static_cast<std::size_t>(t)].test, 0, 1, false) == first);
    CHECK(read(*stream.train, 3 * t, 3, true) == std::vector<double>{0, 1, 1});
    moved = moved || first != std::vector<double>{0, 100, 200};
  }
  CHECK(moved);
}

TEST_CASE("channels of an image are permuted alike", "[data][task_stream]") {
  DataSource source;
  Tensor x = Tensor::empty({1, 2, 2, 2}, DType::float32);
  for (Index i = 0; i < 8; ++i) x.set(i, static_cast<double>(i));
  source.train = source.test = std::make_shared<TensorDataset>(x, Tensor::zeros({1}, DType::int32),
                                                               Description{.inputs = {2, 2, 2}, .classes = 2});
  const TaskStream stream = permuted_stream(source, 3, 5);
  for (std::int64_t t = 0; t < 3; ++t) {
    const std::vector<double> image = read(*stream.train, t, 1, false);
    for (std::size_t i = 0; i < 4; ++i) CHECK(image[4 + i] == image[i] + 4);
  }
}

TEST_CASE("streams that cannot be are refused", "[data][task_stream][errors]") {
  const DataSource source = source_of({0, 1, 0, 1}, 3);
  CHECK(error_of([&] { class_stream(source, 4, {}); }) ==
        "continual: 4 tasks came, but the data have 3 classes; lower continual.tasks to 3 at most");
  CHECK(error_of([&] { class_stream(source, 3, {}); }) ==
        "continual: task 3 (classes 2) has 0 training and 0 test samples; each needs at least one: lower "
        "continual.tasks, or bring more data");
  CHECK(error_of([&] { class_stream(source, 1, {}); }) == "continual: 1 tasks came; a stream has at least 2");
  DataSource untested = source;
  untested.test = nullptr;
  CHECK(error_of([&] { permuted_stream(untested, 2, 0); }) ==
        "continual: the data have neither a test nor a validation part to measure tasks on");
  DataSource numbers = source;
  numbers.train =
      std::make_shared<TensorDataset>(Tensor::zeros({2, 3}, DType::float32), Tensor::zeros({2, 1}, DType::float32),
                                      Description{.inputs = {3}, .targets = {1}, .target_type = DType::float32});
  numbers.task = Task::regression;
  CHECK(error_of([&] { permuted_stream(numbers, 2, 0); }) ==
        "continual: the data's task is regression, targets [1]; one class for each sample was wanted: choose other "
        "data");
  DataSource text = source;
  text.train = std::make_shared<TensorDataset>(
      Tensor::zeros({2, 3}, DType::int32), Tensor::zeros({2}, DType::int32),
      Description{.inputs = {3}, .input_type = DType::int32, .vocabulary = 9, .classes = 2});
  CHECK(error_of([&] { permuted_stream(text, 2, 0); }) ==
        "continual: inputs are tokens; only numbers without lengths can be permuted: choose other data, or type: "
        "class");
}

TEST_CASE("stages take their turns, each a whole run of its own part", "[data][sampler]") {
  const Sampler sampler({{0, 5, 4}, {5, 3, 3}, {8, 4}}, {.batch = 2, .drop_last = false, .seed = 1});
  std::map<std::int64_t, int> seen;
  std::vector<std::int64_t> out;
  std::vector<std::int64_t> first_epoch, again;
  for (std::int64_t step = 0; step < 20; ++step) {
    sampler.samples(step, out);
    const std::int64_t low = step < 4 ? 0 : step < 7 ? 5 : 8, high = step < 4 ? 5 : step < 7 ? 8 : 12;
    for (const std::int64_t s : out) {
      CHECK((low <= s && s < high));
      ++seen[s];
      if (step == 4 || step == 5) first_epoch.push_back(s);
    }
  }
  for (std::int64_t i = 0; i < 5; ++i) CHECK((1 <= seen[i] && seen[i] <= 2));  // an epoch of 3 steps and one more
  CHECK((seen[8] == 6 || seen[8] == 7));                                       // six epochs of two steps and one step
  std::sort(first_epoch.begin(), first_epoch.end());
  CHECK(first_epoch == std::vector<std::int64_t>{5, 6, 7});
  CHECK(sampler.epochs(4) == Approx(4 / 3.0));
  CHECK(sampler.epochs(9) == Approx(4 / 3.0 + 3 / 2.0 + 1));
  CHECK(sampler.epoch(3) == 1);
  CHECK(sampler.epoch(4) == 2);  // a stage begins with a new epoch
  CHECK(sampler.epoch(7) == 4);
  // A single stage is a sampler without any.
  const Sampler one({{0, 7}}, {.batch = 3, .seed = 4}), plain(7, {.batch = 3, .seed = 4});
  for (std::int64_t step = 0; step < 9; ++step) {
    one.samples(step, out);
    plain.samples(step, again);
    CHECK(out == again);
  }
  CHECK(error_of([] {
          Sampler({{0, 4, 0}, {4, 4}}, {.batch = 2});
        }) == "Sampler: a stage has 0 steps; at least 1 was wanted");
  CHECK(error_of([] { Sampler(std::vector<Stage>(), {.batch = 2}); }) ==
        "Sampler: there is no stage; at least one was wanted");
}
