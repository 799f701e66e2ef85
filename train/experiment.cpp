#include "train/experiment.h"

#include <algorithm>

#include "attention/attention.h"
#include "data/table.h"
#include "layers/models.h"
#include "layers/summary.h"
#include "train/continual/stream_report.h"
#include "train/errors.h"
#include "train/make_learner.h"
#include "train/output/numbers.h"
#include "train/schedule.h"

namespace tempera {

void SamplingOptions::describe(Fields& f) {
  f("prompt", prompt, "what the samples of text begin with");
  f("every", every, "steps between samples; 0: at the end alone", at_least(0));
  GenerationOptions::describe(f);
}

ExperimentOptions::ExperimentOptions()
    : data(dataset_kinds(), "text"),
      model(model_kinds(), "decoder"),
      attention(attention_kinds(), "softmax"),
      cross_attention(cross_attention_kinds(), "same"),
      head(head_kinds(), "cross_entropy"),
      optimizer(optimizer_kinds(), "adamw"),
      schedule(schedule_kinds(), "cosine"),
      continual(scenario_kinds(), "none") {}

void ExperimentOptions::describe(Fields& f) {
  f("name", name, "of the run and its folder");
  f("folder", folder, "where the folders of runs are");
  f("data", data, "what is learned from");
  f("model", model, "what learns");
  f("attention", attention, "how tokens of a transformer see each other");
  f("cross_attention", cross_attention, "how a decoder's tokens see the source; encoder_decoder");
  f("head", head, "output layer and loss");
  f("lr", lr, "learning rate at the schedule's peak", above(0));
  f("optimizer", optimizer, "the rule of the updates");
  f("schedule", schedule, "of the learning rate over the run");
  f("continual", continual, "tasks that come one after another, and what is done about forgetting");
  f("start_from", start_from, "another run whose weights this one begins with");
  f("train", train, "the training loop");
  train.evaluate.tests.of = &data;
  train.describe_sections(f);
  f("sample", sample, "text that the model writes; language models");
  f("baseline", baseline, "order of the n-gram model beside the loss; 0: none; language models", between(0, 8));
}

Experiment::Experiment(ExperimentOptions& options, Ranks& ranks) : options_(options), ranks_(ranks) {
  if (!ranks_.leads()) ranks_.barrier();
  data_ = blame<DataError>([&] { return options.data.as<DataOptions>().make(); });
  blame<SetupError>([&] { cut_into_tasks(); });
  further_tests_ = blame<DataError>([&] { return make_further_tests(options.train.evaluate.tests, *data_); });
  blame<SetupError>([&] { build(); });
  if (ranks_.leads()) ranks_.barrier();
}

void Experiment::cut_into_tasks() {
  stream_ = options_.continual.as<ScenarioOptions>().stream(*data_);
  if (!stream_) return;
  check_stream(*stream_, options_.head, options_.train);
  data_->train = stream_->train;
  data_->valid = stream_->valid;
  data_->test = stream_->test;
}

std::unique_ptr<ModelLearner> Experiment::make_learner() {
  const DType dtype = options_.train.dtype == "float64" ? DType::float64 : DType::float32;
  LearnerParts parts =
      make_learner_parts(options_.model, {options_.attention, options_.cross_attention}, options_.head, *data_, dtype);
  if (!stream_) return std::make_unique<ModelLearner>(std::move(parts));
  return std::make_unique<ContinualLearner>(std::move(parts), std::move(stream_),
                                            options_.continual.as<StreamOptions>(),
                                            StreamRun{options_.train.steps, options_.train.seed});
}

// One sample of each, so that what no model can do shows before it has trained.
void Experiment::try_further_tests() {
  Tape tape;
  Context context(tape, trainer_->parameters());
  Batch batch;
  const std::int64_t first[] = {0};
  for (const FurtherTest& test : further_tests_) {
    test.set->fill(first, batch);
    context.begin(0, 0);
    try {
      learner_->model().features(context, learner_->input(batch, tape.pool()));
    } catch (const Error& error) {
      fail("configuration", "evaluate.tests.{}: the model cannot read it: {}", test.name, error.what());
    }
  }
}

void Experiment::build() {
  const ExperimentOptions& options = options_;
  for (const FurtherTest& test : further_tests_)
    for (const std::string& problem : length_problems(options.model, test.set->description()))
      fail("configuration", "evaluate.tests.{}: {}", test.name, problem);
  learner_ = make_learner();
  const auto& schedule = options.schedule.as<ScheduleOptions>();
  const std::int64_t steps = std::max<std::int64_t>(1, options.train.steps);
  trainer_ = std::make_unique<Trainer>(
      options.train, *learner_, data_->train, options.optimizer.as<OptimizerOptions>(),
      [&schedule, steps, lr = options.lr](std::int64_t step) { return lr * schedule.factor(step + 1, steps); },
      continual() ? continual()->stages() : std::vector<Stage>(), ranks_);
  trainer_->validate_on(data_->valid);
  try_further_tests();
  if (options.sample.tokens == 0) return;
  require(
      data_->task == Task::language_model, "sample",
      "the data's task is {}; only language models write samples (answers of sequence to sequence are in the report)",
      to_string(data_->task));
  language();  // throws now rather than at the end
}

Experiment::~Experiment() = default;

std::string Experiment::plan() {
  Batch batch;
  const std::int64_t first[] = {0};
  data_->train->fill(first, batch);
  const Parameters& parameters = trainer_->parameters();
  const Summary summary = summarize(
      learner_->module(), parameters,
      [&](Context& context) {
        const Var features = learner_->model().features(context, learner_->input(batch, nullptr));
        const Tape::Scope scope(context.tape(), "head");
        return learner_->head().logits(context, features);
      },
      batch.inputs);
  const auto optimizer = options_.optimizer.as<OptimizerOptions>().make(segments_of(parameters));
  const std::size_t weights = parameters.flat().bytes(), states = optimizer->states().size();
  std::string data = data_->describe();
  for (const FurtherTest& test : further_tests_) data += fmt::format("{:<12}{}\n", test.split(), test.set->describe());
  if (continual()) data += describe_stream(*continual());
  return data + "\n" + summary.text() +
         fmt::format("memory: weights {} ({}), gradients as much for each thread, {} {} more\n", byte_count(weights),
                     to_string(parameters.dtype()), options_.optimizer.type(), byte_count(states * weights));
}

LanguageModel Experiment::language() const {
  const bool answers = data_->task == Task::sequence_to_sequence;
  require(answers || (data_->task == Task::language_model && data_->tokenizer), "generate",
          "the data's task is {}; only language models and models of sequence to sequence write text",
          to_string(data_->task));
  const Description& description = data_->train->description();
  require(description.input_type == DType::int32, "generate",
          "this model reads vectors, which cannot be prompted; its answers are in the report");
  LanguageModel language{learner_->model(), learner_->head(), trainer_->parameters()};
  language.threads = options_.train.threads;
  language.window = description.inputs[0];
  if (answers) {
    language.source_window = description.inputs[0];
    language.window = description.second_inputs[0];
    language.begin = data_->begin;
    language.end = data_->end;
  } else {
    language.end = data_->tokenizer->special("<|endoftext|>");
  }
  return language;
}

}  // namespace tempera
