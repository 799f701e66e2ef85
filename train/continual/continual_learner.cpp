#include "train/continual/continual_learner.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/ops/elementwise.h"
#include "core/ops/slice.h"
#include "losses/cross_entropy_head.h"
#include "losses/distillation.h"
#include "losses/masked_cross_entropy.h"
#include "losses/metrics.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "continual";

Tensor rows_of(const Tensor& tensor, Index first, Index count) {
  return tensor.rank() == 2 ? tensor.rows(first, count) : tensor;
}

// Rows whose target has the largest logit among the classes that are not hidden; the first of equals.
std::int64_t count_correct(const Tensor& logits, const Tensor& targets, const Tensor& hidden) {
  const Index classes = logits.dim(1);
  const std::int32_t *target = targets.data<std::int32_t>(), *out = hidden.data<std::int32_t>();
  std::int64_t correct = 0;
  dispatch(logits.dtype(), [&]<class T>(Type<T>) {
    for (Index row = 0; row < logits.dim(0); ++row) {
      const T* z = logits.data<T>() + row * classes;
      Index best = -1;
      for (Index c = 0; c < classes; ++c)
        if (out[c] == 0 && (best < 0 || z[c] > z[best])) best = c;
      correct += best == target[row];
    }
  });
  return correct;
}

}  // namespace

// Rows [first, first + count) of a part, which are rows [at, ..) of a shard.
struct ContinualLearner::Rows {
  const Var& logits;
  const Tensor& targets;
  Index at, first, count;
};

ContinualLearner::ContinualLearner(LearnerParts parts, std::unique_ptr<TaskStream> stream, const StreamOptions& options,
                                   const StreamRun& run)
    : ModelLearner(std::move(parts)),
      stream_(std::move(stream)),
      options_(options),
      run_(run),
      together_(options.method.as<MethodOptions>().together()),
      class_incremental_(tasks()),
      task_incremental_(tasks()) {
  require(run.steps >= tasks(), kWho, "{} steps came for {} tasks; each needs at least one", run.steps, tasks());
  if (stream_->apart) task_of_class_ = stream_->task_of_class();
  for (const StreamTask& task : stream_->tasks) {
    Tensor hidden = Tensor::full({stream_->classes()}, DType::int32, 1);
    for (const std::int32_t c : task.classes) hidden.data<std::int32_t>()[c] = 0;
    others_.push_back(std::move(hidden));
  }
  present_ = Tensor::zeros({stream_->classes()}, DType::int32);
}

std::int64_t ContinualLearner::first_step(Index task) const {
  return task * run_.steps / tasks();
}

std::optional<Index> ContinualLearner::ended(std::int64_t steps) const {
  for (Index done = 1; done <= tasks(); ++done)
    if (first_step(done) == steps) return done;
  return {};
}

Index ContinualLearner::task_of(std::int64_t step) const {
  Index task = 0;
  while (task + 1 < tasks() && first_step(task + 1) <= step) ++task;
  return task;
}

std::vector<Stage> ContinualLearner::stages() const {
  if (together_) return {{0, stream_->train->size()}};
  std::vector<Stage> stages;
  for (Index t = 0; t < tasks(); ++t) {
    const StreamTask& task = stream_->tasks[static_cast<std::size_t>(t)];
    stages.push_back({task.first, task.size, first_step(t + 1) - first_step(t)});
  }
  return stages;
}

Var ContinualLearner::logits(Context& context, const Batch& samples) const {
  const Var features = model().features(context, input(samples, context.tape().pool()));
  return head().logits(context, features);
}

Var ContinualLearner::stream_loss(Context& context, const Batch& samples, Index task) const {
  const bool masked = options_.mask().stream != "all" && !together_;
  return masked_cross_entropy(logits(context, samples), samples.targets,
                              masked ? others_[static_cast<std::size_t>(task)] : Tensor(), options_.mask().logit(),
                              static_cast<double>(samples.size()));
}

void ContinualLearner::start(Parameters& parameters) {
  parameters_ = &parameters;
  method_ = options_.method.as<MethodOptions>().make({*stream_, *this, parameters, run_.seed});
}

Learner::State ContinualLearner::state() {
  State state = method_->state();
  state.emplace_back("accuracy.class_incremental", class_incremental_.values());
  state.emplace_back("accuracy.task_incremental", task_incremental_.values());
  return state;
}

Tensor ContinualLearner::hidden_of_stream(const Batch& samples, Index task) {
  const std::string& mask = options_.mask().stream;
  if (mask == "all" || together_) return {};
  if (mask == "task") return others_[static_cast<std::size_t>(task)];
  if (task == 0) return {};
  std::int32_t* hidden = present_.data<std::int32_t>();
  for (Index c = 0; c < present_.size(); ++c) hidden[c] = task_of_class_[static_cast<std::size_t>(c)] <= task;
  for (Index row = 0; row < samples.size(); ++row) hidden[samples.targets.data<std::int32_t>()[row]] = 0;
  return present_;
}

// Each row from memory keeps the classes of its own task.
void ContinualLearner::hide_classes_of_memory() {
  const Index classes = stream_->classes(), rows = memory_.size();
  if (!memory_hidden_.defined() || memory_hidden_.dim(0) != rows)
    memory_hidden_ = Tensor::empty({rows, classes}, DType::int32);
  for (Index row = 0; row < rows; ++row) {
    const auto label = static_cast<std::size_t>(memory_.targets.data<std::int32_t>()[row]);
    memory_hidden_.rows(row, 1).copy_from(
        others_[static_cast<std::size_t>(task_of_class_[label])].reshaped({1, classes}));
  }
  Index first = 0;
  for (std::size_t i = 1; i < plan_.count; first += plan_.parts[i++].rows)
    plan_.parts[i].hidden = memory_hidden_.rows(first, plan_.parts[i].rows);
}

const Batch& ContinualLearner::begin_step(std::int64_t step, const Batch& samples) {
  if (step == 0) measure(0);
  plan_.count = 0;
  plan_.drawn.clear();
  plan_.step = step;
  plan_.task = task_of(step);
  plan_.stream = &samples;
  RowPart& part = plan_.add();
  part.rows = samples.size();
  part.cross_entropy = 1;
  part.hidden = hidden_of_stream(samples, plan_.task);
  const Shape shape{samples.size(), stream_->classes()};
  if (method_->keeps_logits() && (!plan_.logits.defined() || plan_.logits.shape() != shape))
    plan_.logits = Tensor::empty(shape, parameters_->dtype());
  method_->begin_step(plan_);
  if (plan_.drawn.empty()) return samples;
  stream_->train->fill(plan_.drawn, memory_);
  if (options_.mask().buffer == "task") hide_classes_of_memory();
  join(samples, memory_, joined_);
  return joined_;
}

void ContinualLearner::end_step() {
  method_->end_step(plan_);
  if (const std::optional<Index> done = ended(plan_.step + 1)) {
    method_->end_task(*done - 1);
    measure(*done);
  }
  plan_.count = 0;
}

void ContinualLearner::measure(Index done) {
  constexpr std::int64_t kChunk = 256;
  Tensor unseen = Tensor::full({stream_->classes()}, DType::int32, together_ || !stream_->apart ? 0 : 1);
  for (Index t = 0; t < done; ++t)
    for (const std::int32_t c : stream_->tasks[static_cast<std::size_t>(t)].classes) unseen.data<std::int32_t>()[c] = 0;
  Tape tape;
  Context context(tape, *parameters_);
  std::vector<std::int64_t> ids;
  Batch batch;
  for (Index t = 0; t < tasks(); ++t) {
    const Dataset& test = *stream_->tasks[static_cast<std::size_t>(t)].test;
    std::int64_t among_seen = 0, among_own = 0;
    for (std::int64_t first = 0; first < test.size(); first += kChunk) {
      ids.clear();
      for (std::int64_t i = first; i < std::min(test.size(), first + kChunk); ++i) ids.push_back(i);
      test.fill(ids, batch);
      context.begin(0, 0);
      const Tensor answers = logits(context, batch).value();
      among_seen += count_correct(answers, batch.targets, unseen);
      among_own += count_correct(answers, batch.targets, others_[static_cast<std::size_t>(t)]);
    }
    const auto total = static_cast<double>(test.size());
    class_incremental_.set(done, t + 1, static_cast<double>(among_seen) / total);
    task_incremental_.set(done, t + 1, static_cast<double>(among_own) / total);
  }
}

Var ContinualLearner::answer_loss(Context& context, const Var& features, const Batch& samples, double normaliser,
                                  std::span<double> sums) const {
  const Var z = head().logits(context, features);
  if (context.training() && plan_.count > 0) return plan_loss(z, samples, context.first_sample(), sums);
  CrossEntropySums found;
  Var loss = cross_entropy(z, samples.targets, Tensor(), normaliser, CrossEntropyTerms(), &found);
  sums[kRows] += found.targets;
  sums[kLoss] += found.loss;
  sums[kCorrect] += found.correct;
  return loss;
}

// Of a shard that begins with row `first` of the step.
Var ContinualLearner::plan_loss(const Var& logits, const Batch& samples, Index first, std::span<double> sums) const {
  const Index rows = samples.size(), stream_rows = plan_.parts[0].rows;
  Var loss;
  double stream = 0;
  Index begin = 0;
  for (const RowPart& part : plan_.all()) {
    const Index from = std::max(first, begin), to = std::min(first + rows, begin + part.rows);
    if (from < to) {
      const Var own = narrow(logits, 0, from - first, to - from);
      const Tensor targets = samples.targets.rows(from - first, to - from);
      double cross_entropy = 0;
      const Var term = part_loss(part, {own, targets, from - first, from - begin, to - from}, cross_entropy);
      loss = loss.defined() ? loss + term : term;
      if (begin == 0) {
        stream = cross_entropy;
        sums[kRows] += static_cast<double>(to - from);
        sums[kCorrect] += static_cast<double>(accuracy(own.value(), targets).hits);
        if (plan_.logits.defined()) Tensor(plan_.logits).rows(from, to - from).copy_from(own.value());
      }
    }
    begin += part.rows;
  }
  // Sums are divided by the rows of the stream in the end.
  const double total = loss.value().item(), scale = static_cast<double>(stream_rows);
  sums[kLoss] += total * scale;
  sums[kMethodLoss] += (total - stream) * scale;
  sums[kTrained] += 1;
  return loss;
}

Var ContinualLearner::part_loss(const RowPart& part, const Rows& rows, double& cross_entropy) const {
  const auto all = static_cast<double>(part.rows), outputs = static_cast<double>(stream_->classes());
  Var loss;
  const auto add = [&](const Var& term) { loss = loss.defined() ? loss + term : term; };
  if (part.cross_entropy > 0) {
    const Tensor hidden = part.hidden.defined() ? rows_of(part.hidden, rows.first, rows.count) : Tensor();
    add(masked_cross_entropy(rows.logits, rows.targets, hidden, options_.mask().logit(), all / part.cross_entropy));
    cross_entropy = loss.value().item();
  }
  if (part.match > 0)
    add(matching(rows.logits, part.reference.rows(rows.first, rows.count), all * outputs / part.match));
  if (part.distil > 0)
    add(distillation(rows.logits, part.soft.rows(rows.first, rows.count), part.soft_hidden, part.temperature,
                     all / part.distil));
  return loss;
}

NamedValues ContinualLearner::answer_metrics(std::span<const double> sums) const {
  NamedValues metrics{{"loss", sums[kLoss] / sums[kRows]}, {"accuracy", sums[kCorrect] / sums[kRows]}};
  if (sums[kTrained] > 0) metrics.push_back({"method_loss", sums[kMethodLoss] / sums[kRows]});
  return metrics;
}

void check_stream(const TaskStream& stream, const Choice& head, const TrainerOptions& train) {
  std::vector<std::string> found;
  const auto* plain = dynamic_cast<const CrossEntropyHeadOptions*>(&head.options());
  if (!plain)
    found.push_back(
        fmt::format("head.type is {}, but tasks are learned with the cross-entropy of class logits; choose "
                    "cross_entropy",
                    head.type()));
  if (plain && (plain->label_smoothing > 0 || plain->z_loss > 0 || !plain->class_weights.empty()))
    found.emplace_back(
        "head.label_smoothing, z_loss and class_weights have no place in the losses of continual "
        "learning; leave them out");
  if (train.batch == 0) found.emplace_back("train.batch is 0, the whole set, but tasks come one by one; give a number");
  if (train.average.decay > 0)
    found.emplace_back("average.decay is set, but tasks are measured with the weights as they are; set it to 0");
  if (train.stopping.patience > 0)
    found.emplace_back("stopping.patience is set, and later tasks might never come; set it to 0");
  const auto tasks = std::ssize(stream.tasks);
  if (train.steps < tasks)
    found.push_back(
        fmt::format("train.steps is {} for {} tasks, which share them; give each a step at least", train.steps, tasks));
  for (std::size_t t = 0; t < stream.tasks.size() && train.drop_last; ++t)
    if (const std::int64_t batch = train.batch * train.accumulate; stream.tasks[t].size < batch)
      found.push_back(
          fmt::format("task {} has {} training samples, fewer than a batch of {}; lower train.batch, or set "
                      "train.drop_last: false",
                      t + 1, stream.tasks[t].size, batch));
  require(found.empty(), kWho, "{}", fmt::join(found, "\n  "));
}

}  // namespace tempera
