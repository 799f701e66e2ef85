#include "train/experiment.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "attention/attention.h"
#include "core/hash.h"
#include "data/files.h"
#include "data/table.h"
#include "data/text/ngram.h"
#include "data/text/text_data.h"
#include "layers/models.h"
#include "layers/summary.h"
#include "layers/transformer_options.h"
#include "train/checkpoint.h"
#include "train/config/write_config.h"
#include "train/output/log.h"
#include "train/output/metrics_log.h"
#include "train/output/progress.h"
#include "train/output/report.h"
#include "train/schedule.h"
#include "train/stop_signals.h"

namespace tempera {
namespace {

InputSpec spec_of(const Description& d) {
  if (d.vocabulary > 0) return InputSpec::tokens(d.vocabulary);
  if (d.inputs.rank() == 3) return InputSpec::images(d.inputs[0], d.inputs[1], d.inputs[2]);
  return InputSpec::vectors(d.inputs.back());
}

Index outputs_of(const DataSource& data) {
  const Description& d = data.train->description();
  if (data.task == Task::language_model) return d.vocabulary;
  return d.classes > 0 ? d.classes : d.targets.size();
}

MixerFactory mixers_of(const ExperimentOptions& options) {
  const auto* transformer = dynamic_cast<const TransformerOptions*>(&options.model.options());
  if (!transformer) return {};
  const bool causal = options.model.type() == "decoder";
  return [&options, transformer, causal](int, bool cross) {
    AttentionPlace place;
    place.d_model = transformer->d_model;
    place.causal = causal && !cross;
    place.cross = cross;
    place.bias = transformer->bias;
    place.init = transformer->init();
    place.output = transformer->residual_init(transformer->n_layers);
    return options.attention.as<AttentionOptions>().make(place);
  };
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string fingerprint(ExperimentOptions& options) {
  // Where a run writes and how many threads it takes change no bit of it.
  const std::string name = options.name, folder = options.folder;
  const int threads = std::exchange(options.train.threads, 1);
  options.name = options.folder = "";
  const std::uint64_t hash = fnv1a(write_config(options));
  options.name = name;
  options.folder = folder;
  options.train.threads = threads;
  return fmt::format("{:016x}", hash);
}

}  // namespace

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
  auto model = make_model(options.model, spec_of(data_->train->description()), mixers_of(options));
  const HeadSizes sizes{model->width(), outputs_of(*data_), nullptr};
  auto head = options.head.as<tempera::HeadOptions>().make(sizes);
  learner_ = std::make_unique<ModelLearner>(std::move(model), std::move(head), dtype);
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

// What one call of run() holds: folder, logs, clock.
class Experiment::Session {
 public:
  Session(Experiment& experiment, Console& console, const Origins& origins, bool resume, bool overwrite)
      : e_(experiment),
        o_(experiment.options_),
        console_(console),
        config_(fingerprint(o_)),
        folder_(std::filesystem::path(o_.folder) / o_.name, resume      ? RunStart::resume
                                                            : overwrite ? RunStart::overwrite
                                                                        : RunStart::fresh) {
    if (resume) go_on();
    logging_.emplace(console, folder_.log());
    folder_.write_config(write_config(o_, origins));
    metrics_.emplace(folder_.metrics(), resume ? std::optional(e_.trainer_->steps_done()) : std::nullopt);
    started_ = seconds_now() - metrics_->time();
    identity_.name = o_.name;
    identity_.seed = static_cast<std::int64_t>(o_.train.seed);
    identity_.config_hash = config_;
    identity_.code_version = TEMPERA_VERSION;
    identity_.machine = machine_description();
    identity_.threads = o_.train.threads;
    identity_.started = utc_now();
  }

  End run() {
    console_.line(fmt::format("run {}  seed {}  config {}  {} parameters", o_.name, o_.train.seed, config_,
                              grouped(e_.trainer_->parameters().count())));
    baseline();
    folder_.write_identity(identity_);
    const StopSignals signals;
    Progress progress(console_, {.first = e_.trainer_->steps_done(), .total = o_.train.steps, .unit = "samples"});
    std::int64_t samples = 0;
    e_.trainer_->on_step = [&](const StepReport& report) {
      samples += report.samples;
      after_step(report);
      std::vector<ProgressValue> shown{{"loss", report.metrics[0].value}};
      if (std::isfinite(valid_)) shown.push_back({"valid", valid_});
      progress.update(report.step, samples, shown);
    };
    const bool done = e_.trainer_->run(StopSignals::asked);
    e_.trainer_->on_step = nullptr;
    progress.finish();
    if (saved_ != e_.trainer_->steps_done()) save();
    if (!done) {
      console_.line(fmt::format("stopped and saved at step {}; go on with --resume", e_.trainer_->steps_done()));
      return End::stopped;
    }
    finish();
    return End::done;
  }

 private:
  void go_on() {
    std::vector<CheckpointPath> all = folder_.checkpoints();
    require(!all.empty(), "train", "{} holds no complete checkpoint to go on from; leave out --resume",
            folder_.path().string());
    for (; !all.empty(); all.pop_back()) try {
        e_.trainer_->resume(all.back().path, config_);
        return;
      } catch (const Error& error) {
        if (all.size() == 1) throw;
        log(LogLevel::warning, "{}\n  trying the checkpoint before it", error.what());
      }
  }

  void baseline() {
    if (o_.baseline == 0) return;
    const auto* train = dynamic_cast<const TokenWindows*>(e_.data_->train.get());
    const auto* valid = dynamic_cast<const TokenWindows*>(e_.data_->valid.get());
    require(train && valid, "train", "a baseline was asked for, but the data are no text; set baseline: 0");
    const int order = static_cast<int>(o_.baseline);
    const double loss = ngram_baseline(train->tokens(), valid->tokens(), order, train->description().vocabulary);
    identity_.baselines.emplace_back(fmt::format("{}-gram", order), loss);
    console_.line(fmt::format("{}-gram baseline: validation loss {:.4f}", order, loss));
  }

  void after_step(const StepReport& report) {
    constexpr std::int64_t kLogged = 500;  // points of a curve
    const std::int64_t stride = std::max<std::int64_t>(1, o_.train.steps / kLogged);
    if (report.step % stride == 0) {
      std::vector<Metric> values = report.metrics;
      values.push_back({"lr", report.lr});
      values.push_back({"gradient_norm", report.gradient_norm});
      metrics_->add(report.step, report.epoch, seconds_now() - started_, "train", values);
    }
    epoch_ = report.epoch;
    if (o_.evaluate.every > 0 && report.step % o_.evaluate.every == 0)
      evaluate("valid", e_.data_->valid, o_.evaluate.samples);
    if (o_.checkpoint.every > 0 && report.step % o_.checkpoint.every == 0) save();
  }

  void evaluate(const char* split, const std::shared_ptr<const Dataset>& set, std::int64_t samples) {
    if (!set) return;
    last_ = e_.trainer_->evaluate(*set, samples);
    if (split == std::string_view("valid")) valid_ = last_[0].value;
    metrics_->add(e_.trainer_->steps_done(), epoch_, seconds_now() - started_, split, last_);
  }

  void save() {
    saved_ = e_.trainer_->steps_done();
    e_.trainer_->save(folder_.checkpoint(saved_), config_);
    std::vector<std::filesystem::path> paths;
    for (const CheckpointPath& checkpoint : folder_.checkpoints()) paths.push_back(checkpoint.path);
    prune_checkpoints(paths, static_cast<int>(o_.checkpoint.keep), {});
  }

  std::string results(const char* split) const {
    std::string text = split;
    for (const Metric& metric : last_) text += fmt::format("  {} {:.4f}", metric.name, metric.value);
    return text;
  }

  void finish() {
    for (const auto& [split, set] : {std::pair{"valid", e_.data_->valid}, std::pair{"test", e_.data_->test}}) {
      if (!set) continue;
      evaluate(split, set, 0);
      console_.line(results(split));
    }
    if (o_.sample.tokens > 0) {
      const std::string text = e_.generate(o_.sample.prompt, o_.sample.tokens, o_.sample.temperature, o_.train.seed);
      folder_.write_text("sample", e_.trainer_->steps_done(), o_.sample.prompt, text);
      console_.line(text);
    }
    identity_.finished = utc_now();
    identity_.weights_sha256 = e_.trainer_->weights_hash();
    folder_.write_identity(identity_);
    const std::filesystem::path runs[] = {folder_.path()};
    const std::string page = report_page(runs);
    replace_file(folder_.report(), std::as_bytes(std::span(page)));
    console_.line(fmt::format("report {}", folder_.report().string()));
    console_.line(fmt::format("done  {} steps  {:.1f} s  weights {}", e_.trainer_->steps_done(),
                              seconds_now() - started_, identity_.weights_sha256));
  }

  Experiment& e_;
  ExperimentOptions& o_;
  Console& console_;
  std::string config_;
  RunFolder folder_;
  std::optional<Logging> logging_;
  std::optional<MetricsLog> metrics_;
  RunIdentity identity_;
  double started_ = 0, epoch_ = 0;
  double valid_ = std::numeric_limits<double>::quiet_NaN();
  std::vector<Metric> last_;
  std::int64_t saved_ = -1;
};

Experiment::End Experiment::run(Console& console, const Origins& origins, bool resume, bool overwrite) {
  return Session(*this, console, origins, resume, overwrite).run();
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
