#include "data/task_stream.h"

#include <algorithm>
#include <cstring>
#include <fmt/ranges.h>

#include "core/random.h"
#include "data/split.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "continual";
constexpr std::int64_t kMostRead = 10'000'000;  // samples

void check_source(const DataSource& source, int tasks) {
  const Description& d = source.train->description();
  require(source.task == Task::classification && d.targets.rank() == 0, kWho,
          "the data's task is {}, targets {}; one class for each sample was wanted: choose other data",
          to_string(source.task), d.targets);
  require(tasks >= 2, kWho, "{} tasks came; a stream has at least 2", tasks);
  require(source.test || source.valid, kWho, "the data have neither a test nor a validation part to measure tasks on");
}

std::vector<std::int32_t> order_of_classes(Index classes, std::optional<std::uint64_t> seed) {
  const auto count = static_cast<std::int32_t>(classes);
  if (seed) return Rng(*seed, "continual/classes").permutation(count);
  std::vector<std::int32_t> order;
  for (std::int32_t c = 0; c < count; ++c) order.push_back(c);
  return order;
}

// The samples of each task, ascending.
std::vector<std::vector<std::int32_t>> dealt_out(const Dataset& set, std::span<const std::int32_t> task_of_class,
                                                 std::size_t tasks) {
  constexpr std::int64_t kChunk = 256;
  require(set.size() <= kMostRead, kWho,
          "a set has {} samples, and each is read once to learn its class; lower it to {} at most, for drawn data "
          "with data.train",
          grouped(set.size()), grouped(kMostRead));
  std::vector<std::vector<std::int32_t>> dealt(tasks);
  std::vector<std::int64_t> ids;
  Batch batch;
  for (std::int64_t first = 0; first < set.size(); first += kChunk) {
    ids.clear();
    for (std::int64_t i = first; i < std::min(set.size(), first + kChunk); ++i) ids.push_back(i);
    set.fill(ids, batch);
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (const std::int32_t c = batch.targets.data<std::int32_t>()[i]; c >= 0)
        dealt[static_cast<std::size_t>(task_of_class[static_cast<std::size_t>(c)])].push_back(
            static_cast<std::int32_t>(ids[i]));
  }
  return dealt;
}

// Entries of each sample in another order. Of every block of order.size() entries the one at order[i] comes to place i.
class Permuted final : public DatasetView {
 public:
  Permuted(std::shared_ptr<const Dataset> whole, std::vector<std::int32_t> order)
      : DatasetView(whole->size(), whole->description()), whole_(std::move(whole)), order_(std::move(order)) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    put_of(*whole_, sample, row, out);
    const Index numbers = description().inputs.size(), block = std::ssize(order_);
    float* to = out.inputs.data<float>() + row * numbers;
    const std::vector<float> as_it_was(to, to + numbers);
    for (Index i = 0; i < numbers; ++i)
      to[i] = as_it_was[static_cast<std::size_t>(i / block * block + order_[static_cast<std::size_t>(i % block)])];
  }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int32_t> order_;
};

// Sets of one size, one behind the other.
class Joined final : public DatasetView {
 public:
  explicit Joined(std::vector<std::shared_ptr<const Dataset>> parts)
      : DatasetView(std::ssize(parts) * parts[0]->size(), parts[0]->description()), parts_(std::move(parts)) {}

 protected:
  void put(std::int64_t sample, Index row, Batch& out) const override {
    const std::int64_t size = parts_[0]->size();
    put_of(*parts_[static_cast<std::size_t>(sample / size)], sample % size, row, out);
  }

 private:
  std::vector<std::shared_ptr<const Dataset>> parts_;
};

}  // namespace

std::vector<std::int32_t> TaskStream::task_of_class() const {
  std::vector<std::int32_t> of_class(static_cast<std::size_t>(classes()));
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const std::int32_t c : tasks[t].classes) of_class[static_cast<std::size_t>(c)] = static_cast<std::int32_t>(t);
  return of_class;
}

TaskStream class_stream(const DataSource& source, int tasks, std::optional<std::uint64_t> seed) {
  check_source(source, tasks);
  const Index classes = source.train->description().classes;
  require(tasks <= classes, kWho, "{} tasks came, but the data have {} classes; lower continual.tasks to {} at most",
          tasks, classes, classes);
  TaskStream stream;
  stream.tasks.resize(static_cast<std::size_t>(tasks));
  const std::vector<std::int32_t> order = order_of_classes(classes, seed);
  for (Index t = 0; t < tasks; ++t) {
    StreamTask& task = stream.tasks[static_cast<std::size_t>(t)];
    task.classes.assign(order.begin() + t * classes / tasks, order.begin() + (t + 1) * classes / tasks);
    std::sort(task.classes.begin(), task.classes.end());
  }
  stream.train = source.train;  // for the count of classes
  const std::vector<std::int32_t> of_class = stream.task_of_class();
  const std::shared_ptr<const Dataset>& tests = source.test ? source.test : source.valid;
  std::vector<std::vector<std::int32_t>> trained = dealt_out(*source.train, of_class, stream.tasks.size());
  std::vector<std::vector<std::int32_t>> tested = dealt_out(*tests, of_class, stream.tasks.size());
  std::vector<std::int32_t> all;
  for (std::size_t t = 0; t < stream.tasks.size(); ++t) {
    StreamTask& task = stream.tasks[t];
    require(!trained[t].empty() && !tested[t].empty(), kWho,
            "task {} (classes {}) has {} training and {} test samples; each needs at least one: lower "
            "continual.tasks, or bring more data",
            t + 1, fmt::join(task.classes, ", "), trained[t].size(), tested[t].size());
    task.first = std::ssize(all);
    task.size = std::ssize(trained[t]);
    task.test = subset(tests, std::move(tested[t]));
    all.insert(all.end(), trained[t].begin(), trained[t].end());
  }
  stream.train = subset(source.train, std::move(all));
  stream.valid = source.valid;
  stream.test = source.test;
  return stream;
}

TaskStream permuted_stream(const DataSource& source, int tasks, std::uint64_t seed) {
  check_source(source, tasks);
  const Description& d = source.train->description();
  require(d.input_type != DType::int32 && !d.lengths, kWho,
          "inputs are {}; only numbers without lengths can be permuted: choose other data, or type: class",
          d.input_type == DType::int32 ? "tokens" : "sequences with lengths");
  const Index block = d.inputs.rank() == 3 ? d.inputs[1] * d.inputs[2] : d.inputs.size();
  TaskStream stream;
  stream.apart = false;
  const auto joined = [&](const std::shared_ptr<const Dataset>& part) -> std::shared_ptr<const Dataset> {
    if (!part) return nullptr;
    std::vector<std::shared_ptr<const Dataset>> parts{part};
    for (int t = 1; t < tasks; ++t)
      parts.push_back(std::make_shared<Permuted>(part, Rng(seed, "continual/permuted", static_cast<std::uint64_t>(t))
                                                           .permutation(static_cast<std::int32_t>(block))));
    return std::make_shared<Joined>(std::move(parts));
  };
  stream.train = joined(source.train);
  stream.valid = joined(source.valid);
  stream.test = joined(source.test);
  const std::shared_ptr<const Dataset>& tests = stream.test ? stream.test : stream.valid;
  for (int t = 0; t < tasks; ++t) {
    StreamTask task;
    task.size = source.train->size();
    task.first = t * task.size;
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0, size = tests->size() / tasks; i < size; ++i)
      ids.push_back(static_cast<std::int32_t>(t * size + i));
    task.test = subset(tests, std::move(ids));
    for (std::int32_t c = 0; c < d.classes; ++c) task.classes.push_back(c);
    stream.tasks.push_back(std::move(task));
  }
  return stream;
}

}  // namespace tempera
