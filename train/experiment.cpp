#include "train/experiment.h"

#include <algorithm>
#include <cmath>

#include "attention/attention.h"
#include "data/table.h"
#include "data/text/text_data.h"
#include "layers/models.h"
#include "layers/summary.h"
#include "train/make_learner.h"
#include "train/schedule.h"

namespace tempera {
void EvaluationOptions::describe(Fields& f) {
  f("every", every, "steps between evaluations; 0: only at the end", at_least(0));
  f("samples", samples, "of the validation set each time; 0: all", at_least(0));
}

void CheckpointOptions::describe(Fields& f) {
  f("every", every, "steps between checkpoints; 0: only at the end", at_least(0));
  f("keep", keep, "newest checkpoints that are kept", at_least(1));
}

void SamplingOptions::describe(Fields& f) {
  f("prompt", prompt, "what the sample of text begins with");
  f("tokens", tokens, "tokens to write at the end of the run; 0: none", at_least(0));
  f("temperature", temperature, "of the draws; 0 takes the likeliest token", at_least(0));
}

ExperimentOptions::ExperimentOptions()
    : data(dataset_kinds(), "text"),
      model(model_kinds(), "decoder"),
      attention(attention_kinds(), "softmax"),
      head(head_kinds(), "cross_entropy"),
      optimizer(optimizer_kinds(), "adamw"),
      schedule(schedule_kinds(), "cosine") {}

void ExperimentOptions::describe(Fields& f) {
  f("name", name, "of the run and its folder");
  f("folder", folder, "where the folders of runs are");
  f("data", data, "what is learned from");
  f("model", model, "what learns");
  f("attention", attention, "how tokens of a transformer see each other");
  f("head", head, "output layer and loss");
  f("lr", lr, "learning rate at the schedule's peak", above(0));
  f("optimizer", optimizer, "the rule of the updates");
  f("schedule", schedule, "of the learning rate over the run");
  f("train", train, "the training loop");
  f("evaluate", evaluate, "on the validation set");
  f("checkpoint", checkpoint, "what a run can go on from");
  f("sample", sample, "text written at the end; language models");
  f("baseline", baseline, "order of the n-gram model beside the loss; 0: none; language models", between(0, 8));
}

Experiment::Experiment(ExperimentOptions& options) : options_(options) {
  data_ = options.data.as<DataOptions>().make();
  const DType dtype = options.train.dtype == "float64" ? DType::float64 : DType::float32;
  learner_ = make_learner(options.model, options.attention, options.head, *data_, dtype);
  const auto& schedule = options.schedule.as<ScheduleOptions>();
  const std::int64_t steps = std::max<std::int64_t>(1, options.train.steps);
  trainer_ = std::make_unique<Trainer>(
      options.train, *learner_, data_->train,
      [&](std::vector<Segment> segments) { return options.optimizer.as<OptimizerOptions>().make(std::move(segments)); },
      [&schedule, steps, lr = options.lr](std::int64_t step) { return lr * schedule.factor(step + 1, steps); });
}

Experiment::~Experiment() = default;

std::string Experiment::plan() {
  Batch batch;
  const std::int64_t first[] = {0};
  data_->train->fill(first, batch);
  const Summary summary =
      summarize(const_cast<Model&>(learner_->model()), trainer_->parameters(), learner_->input(batch, nullptr));
  return data_->describe() + "\n" + summary.text();
}

std::string Experiment::generate(std::string_view prompt, std::int64_t tokens, double temperature, std::uint64_t seed) {
  require(data_->task == Task::language_model && data_->tokenizer, "generate", "the model is no language model");
  const Model& model = learner_->model();
  Tape tape;
  Context context(tape, trainer_->parameters());
  std::vector<std::int32_t> text = data_->tokenizer->encode(prompt);
  require(!text.empty(), "generate", "an empty prompt came; at least one token was wanted");
  const std::size_t begin = text.size();
  const Index window = data_->train->description().inputs[0];
  const Rng rng(seed, "generate");
  std::unique_ptr<ModelState> state;
  for (std::int64_t i = 0; i < tokens; ++i) {
    context.begin(0, 0);
    // When the positions are used up, the state is made anew from the last half of the text.
    const bool full = !state || state->position >= window;
    const std::size_t count =
        full ? std::min(text.size(), static_cast<std::size_t>(std::max<Index>(1, window / 2))) : 1;
    const Tensor next = Tensor::from<std::int32_t>({1, static_cast<Index>(count)}, std::span(text).last(count));
    if (full) {
      ModelInput source;
      source.inputs = next;
      state = model.make_state(context, source, window);
    }
    const Var features = model.step(context, next, *state);
    const Var logits = learner_->head().logits(context, features);
    const Index vocabulary = logits.shape().back();
    const Tensor last = logits.value().view((static_cast<Index>(count) - 1) * vocabulary, {vocabulary});
    std::vector<double> p(static_cast<std::size_t>(vocabulary));
    double top = -std::numeric_limits<double>::infinity(), total = 0;
    for (Index k = 0; k < vocabulary; ++k) top = std::max(top, last.at(k));
    for (Index k = 0; k < vocabulary; ++k) {
      const double x = last.at(k) - top;
      total += p[static_cast<std::size_t>(k)] = temperature > 0 ? std::exp(x / temperature) : (x == 0 ? 1 : 0);
    }
    double draw = rng.uniform(static_cast<std::uint64_t>(i)) * total;
    std::int32_t chosen = 0;
    while (chosen + 1 < vocabulary && (draw -= p[static_cast<std::size_t>(chosen)]) >= 0) ++chosen;
    text.push_back(chosen);
  }
  return data_->tokenizer->decode(std::span(text).subspan(begin));
}

}  // namespace tempera
