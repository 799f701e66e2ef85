#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "core/kernels/split_gemm.h"
#include "core/nearest.h"
#include "data/trim.h"
#include "train/checkpoint.h"
#include "train/errors.h"
#include "train/output/log.h"

namespace tempera {
namespace {

// Where the configuration does not say how large a shard is: at most so many shards, a power of two, of at least so
// many tokens, and of more where parameters are many. For each shard reads the weights and writes their gradients once.
constexpr Index kShards = 8, kShardTokens = 256, kParametersPerToken = 32768;

// About the tokens that a model makes of a sample.
Index tokens_of(const Description& d) {
  constexpr Index kPatch = 16;  // pixels
  if (d.inputs.rank() == 3) return std::max<Index>(1, d.inputs[1] * d.inputs[2] / kPatch);
  return d.vocabulary > 0 || d.inputs.rank() == 2 ? d.inputs[0] : 1;
}

// With a batch of 0, the whole set, as a number.
TrainerOptions counted(TrainerOptions options, const Dataset* train) {
  if (options.batch == 0) options.batch = std::max<std::int64_t>(1, train ? train->size() : 0);
  return options;
}

DType dtype_named(const std::string& name) {
  return name == "float64" ? DType::float64 : DType::float32;
}

bool due(std::int64_t step, std::int64_t every) {
  return step > 0 && every > 0 && step % every == 0;
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options, Learner& learner, std::shared_ptr<const Dataset> train,
                 const OptimizerOptions& optimizer, LearningRate lr, std::vector<Stage> stages, Ranks& ranks)
    : options_(counted(options, train.get())),
      learner_(learner),
      ranks_(ranks),
      train_(std::move(train)),
      lr_(std::move(lr)),
      rng_(options.seed, "run"),
      parameters_(learner.module(), dtype_named(options.dtype), rng_),
      segments_(segments_of(parameters_, options.parameters)),
      optimizer_(optimizer.make(segments_)),
      stopping_(options.stopping),
      runner_(parameters_, rng_, options.threads, learner.sum_count(), ranks),
      sampler_(stages.empty() ? std::vector{Stage{0, train_ ? train_->size() : 0}} : std::move(stages),
               {.batch = options_.batch * options_.accumulate,
                .shuffle = true,
                .drop_last = options.drop_last,
                .seed = options.seed}) {
  optimizer_->prepare(parameters_.flat_size(), parameters_.dtype());
  if (options_.average.decay > 0) average_.emplace(options_.average);
  runner_.watch(options_.watch);
  require(
      !options_.matrix_units || kernels::has_matrix_units(), "train",
      "train.matrix_units wants a processor with AMX and a build for it (-march=native on that machine); here there "
      "is none: leave the key out, the results differ in rounding only");
  runner_.use_matrix_units(options_.matrix_units);
  learner_.start(parameters_);
  start_loader();
}

Trainer::~Trainer() = default;

void Trainer::validate_on(std::shared_ptr<const Dataset> valid) {
  valid_ = std::move(valid);
  if (!valid_) return;
  const std::vector<double> none(static_cast<std::size_t>(learner_.sum_count()), 0);
  const NamedValues metrics = learner_.metrics(none);
  if (metrics.find(options_.stopping.metric)) return;
  std::vector<std::string_view> names;
  for (const NamedValue& metric : metrics) names.push_back(metric.name);
  fail("train", "stopping.metric is '{}', which this head does not report{}; it reports {}", options_.stopping.metric,
       did_you_mean(options_.stopping.metric, names), fmt::join(names, ", "));
}

void Trainer::checkpoint_in(std::filesystem::path folder, std::string fingerprint) {
  folder_.emplace(std::move(folder));
  fingerprint_ = std::move(fingerprint);
}

void Trainer::start_loader() {
  LoaderOptions options{.depth = static_cast<int>(options_.prefetch), .first = steps_done(), .last = options_.steps};
  if (ranks_.size() > 1 && !learner_.wants_whole_steps())
    options.rows = [this](Index samples) { return own_rows(samples); };
  loader_ = std::make_unique<Loader>(train_, sampler_, options);
}

Index Trainer::shard_size() const {
  if (options_.shard > 0) return options_.shard;
  const Index batch = learner_.rows(options_.batch * options_.accumulate);
  const Index least = std::max(kShardTokens, parameters_.flat_size() / kParametersPerToken);
  Index shards = kShards;
  while (shards > 1 && batch * tokens_of(train_->description()) < shards * least) shards /= 2;
  return std::max<Index>(1, (batch + shards - 1) / shards);
}

Index Trainer::shard_count(Index samples) const {
  return (samples + shard_size() - 1) / shard_size();
}

std::pair<Index, Index> Trainer::own_rows(Index samples) const {
  const ShardRange own = runner_.own(shard_count(samples));
  return {std::min(samples, own.first * shard_size()), std::min(samples, own.last * shard_size())};
}

Trainer::Part Trainer::part(const Batch& rows, Index total) const {
  return {rows, rows.size() == total ? 0 : own_rows(total).first, total};
}

Batch Trainer::shard_of(const Part& part, Index shard) const {
  const Index first = shard * shard_size();
  return part.rows.rows(first - part.first, std::min(shard_size(), part.total - first));
}

// Padding is cut shard by shard: what a shard computes depends on its own samples alone.
Var Trainer::shard_loss(Context& context, const Part& part, Index shard, double normaliser, std::span<double> sums) {
  const Batch samples = shard_of(part, shard);
  return learner_.loss(context, trimmed(samples, trimmed_[static_cast<std::size_t>(shard)]), normaliser, sums);
}

const ShardResult& Trainer::run_shards(const Part& part) {
  const Index shards = shard_count(part.total);
  if (std::ssize(trimmed_) < shards) trimmed_.resize(static_cast<std::size_t>(shards));
  const double normaliser = runner_.add_up(shards, [&](Index shard) { return learner_.weight(shard_of(part, shard)); });
  return runner_.run(
      static_cast<std::uint64_t>(steps_done()), shards, [&](Index shard) { return shard * shard_size(); },
      [&](Context& context, Index shard, std::span<double> sums) {
        return shard_loss(context, part, shard, normaliser, sums);
      });
}

void Trainer::explain_non_finite(const Part& part, double loss, double norm) {
  // The same step again, looking at every value; the first one that is not finite throws.
  runner_.watch(true);
  run_shards(part);
  throw NonFiniteError(
      fmt::format("the loss is {} and the gradient's norm {} after {} steps, though no operation gave a "
                  "value that is not finite; the sums overflow: lower the learning rate, or clip",
                  loss, norm, steps_done()),
      "train", "", steps_done());
}

Trainer::WeightFigures Trainer::weight_figures() const {
  return {gradient_norm(parameters_.flat(), segments_),
          gradient_alignment(parameters_.flat(), runner_.gradients(), segments_)};
}

void Trainer::observe(Profile* profile) {
  profile_ = profile;
  runner_.observe(profile);
}

const StepReport& Trainer::step() {
  if (profile_) profile_->begin();
  const Index samples = sampler_.size(steps_done());
  const Batch& rows =
      blame<DataError>([&]() -> const Batch& { return learner_.begin_step(steps_done(), loader_->next()); });
  if (profile_) profile_->mark("wait for data");
  const Part own = part(rows, learner_.wants_whole_steps() ? rows.size() : samples);
  const ShardResult& result = run_shards(own);
  learner_.add_gradient(runner_.gradients());
  if (options_.gradient.perpendicular)
    make_perpendicular(parameters_.flat(), runner_.gradients(), segments_, options_.gradient.rescale);
  double norm = 0;
  runner_.between([&] { norm = gradient_norm_(runner_.gradients(), segments_, options_.threads); });
  if (!std::isfinite(result.loss) || !std::isfinite(norm)) explain_non_finite(own, result.loss, norm);
  StepInfo info;
  info.step = steps_done() + 1;
  info.lr = lr_(steps_done());
  info.threads = options_.threads;
  options_.clip.apply(norm, info);
  runner_.between([&] {
    optimizer_->step(parameters_.flat(), runner_.gradients(), info);
    if (average_) average_->update(parameters_.flat(), info.step, options_.threads);
  });
  learner_.end_step();
  if (profile_) profile_->mark("update");
  report_ = {info.step, sampler_.epochs(info.step), info.lr, norm, learner_.metrics(result.sums), samples};
  return report_;
}

bool Trainer::run() {
  stopped_ = false;
  bool left = false;
  try {
    after_step();  // what a run that was stopped left undone
    while (!finished() && !ranks_.any(stopped_ || (should_stop && should_stop()))) {
      const StepReport& report = step();
      if (on_step) on_step(report);
      after_step();
    }
  } catch (const Stopped&) {
    left = true;
  } catch (const NonFiniteError&) {
    keep_failed();
    throw;
  }
  if (folder_ && saved_ != steps_done()) checkpoint(true);
  return !left && finished();
}

void Trainer::after_step() {
  // Before the checkpoint, which has to know: else a finished run that is resumed would evaluate once more.
  if ((finished() || due(steps_done(), options_.evaluate.every)) && evaluated_ != steps_done()) validate();
  if (due(steps_done(), options_.checkpoint.every) && saved_ != steps_done()) checkpoint(false);
}

void Trainer::validate() {
  if (!valid_) return;
  const NamedValues metrics = evaluate(*valid_, options_.evaluate.samples);
  evaluated_ = steps_done();
  const bool best = stopping_.update(steps_done(), *metrics.find(options_.stopping.metric));
  if (on_evaluation) on_evaluation({steps_done(), report_.epoch, metrics, best});
  if (best) checkpoint(false);
}

void Trainer::checkpoint(bool last) {
  if (!folder_) return;
  require_same_weights();
  bool saved = false;
  std::exception_ptr error;
  try {
    const bool best = best_step() > 0 && best_step() == steps_done();
    save(folder_->at(steps_done()));
    saved = true;
    if (ranks_.leads()) {
      if (best) folder_->set_best(best_step());
      folder_->prune(options_.checkpoint.keep);
    }
    if (on_checkpoint) on_checkpoint({steps_done(), folder_->at(steps_done()), best});
  } catch (const Error& failure) {
    error = std::current_exception();
    if (saved || !last)
      log(LogLevel::warning, "{}\n  training goes on; the next checkpoint is tried when it is due", failure.what());
  }
  if (!ranks_.any(!saved)) saved_ = steps_done();
  else if (last)
    blame<CheckpointError>([&] {
      if (error) std::rethrow_exception(error);
      fail("train", "the last checkpoint could not be written by the first rank");
    });
}

// Weights and all else are still those before the step: it was not taken. A failure here must not hide the first one.
void Trainer::keep_failed() {
  if (!folder_ || !ranks_.leads()) return;
  const std::filesystem::path failed = folder_->failed(steps_done());
  try {
    if (!std::filesystem::exists(failed)) save(failed);
    log(LogLevel::error, "a step fails; what came before it is kept, and --resume {} plays it again", failed.string());
  } catch (const Error& error) {
    log(LogLevel::warning, "{}\n  a step fails, and what came before it is lost", error.what());
  }
}

// Every rank applies the same updates to the same weights. Where machines compute differently, what the first one
// writes would not be what the others go on with.
void Trainer::require_same_weights() const {
  if (ranks_.size() == 1) return;
  constexpr std::size_t kDigits = 12;  // 48 bits, which a double holds
  const double mine = static_cast<double>(std::stoull(weights_hash().substr(0, kDigits), nullptr, 16));
  require(ranks_.same(mine), "train",
          "the weights of the ranks part before step {}; do all machines run this very program on the same kind of "
          "processor?",
          steps_done() + 1);
}

NamedValues Trainer::evaluate(const Dataset& set, std::int64_t samples) {
  const Averaged weights(*this);
  const std::int64_t total = samples > 0 ? std::min(samples, set.size()) : set.size();
  const std::int64_t chunk = std::min<std::int64_t>(total, options_.batch * options_.accumulate);
  std::vector<double> sums(static_cast<std::size_t>(learner_.sum_count()), 0);
  std::vector<std::int64_t> ids;
  Batch read;
  trimmed_.resize(std::max(trimmed_.size(), static_cast<std::size_t>(shard_count(chunk))));
  for (std::int64_t first = 0; first < total; first += chunk) {
    heed_stop();
    const Index count = std::min(chunk, total - first);
    const auto [begin, end] = own_rows(count);
    spread_samples(set.size(), total, first + begin, first + end, ids);
    blame<DataError>([&] { set.fill(ids, read); });
    const Part own = part(read, count);
    const ShardResult& result = runner_.evaluate(
        shard_count(count),
        [&](Context& context, Index shard, std::span<double> s) { return shard_loss(context, own, shard, 1, s); });
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += result.sums[i];
  }
  return learner_.metrics(sums);
}

NamedValues Trainer::evaluate_checkpoint(const std::filesystem::path& folder, const Dataset& set,
                                         std::int64_t samples) {
  struct Back {  // puts back what is borrowed
    Parameters& parameters;
    std::optional<WeightAverage>& average;
    Tensor weights = parameters.flat().clone();
    std::optional<WeightAverage> kept = std::exchange(average, std::nullopt);
    ~Back() {
      parameters.flat().copy_from(weights);
      average = std::move(kept);
    }
  } back{parameters_, average_};
  blame<CheckpointError>([&] { load_weights(folder, parameters_); });
  return evaluate(set, samples);
}

void Trainer::swap_average() {
  if (!average_ || !average_->state().defined()) return;
  dispatch(parameters_.dtype(), [&]<class T>(Type<T>) {
    T* weights = parameters_.flat().data<T>();
    std::swap_ranges(weights, weights + parameters_.flat_size(), average_->state().data<T>());
  });
}

void Trainer::save(const std::filesystem::path& folder) {
  if (!ranks_.leads()) return;
  const EarlyStopping::State& best = stopping_.state();
  CheckpointState state{steps_done(),
                        options_.seed,
                        fingerprint_,
                        {{"best", best.best},
                         {"best_step", static_cast<double>(best.best_step)},
                         {"worse", static_cast<double>(best.worse)},
                         {"evaluated", static_cast<double>(evaluated_)}},
                        average_ && average_->state().defined() ? &average_->state() : nullptr,
                        learner_.state()};
  blame<CheckpointError>([&] { save_checkpoint(folder, parameters_, optimizer_->states(), state); });
}

void Trainer::resume(const std::filesystem::path& folder) {
  std::exception_ptr error;
  try {
    load(folder);
  } catch (const CheckpointError&) {
    error = std::current_exception();
  }
  const bool failed = ranks_.any(error != nullptr) || !ranks_.same(static_cast<double>(steps_done()));
  if (error) std::rethrow_exception(error);
  if (failed)
    blame<CheckpointError>([&] {
      fail("Trainer::resume", "not every rank can read {}; the folder of runs must be one that all machines share",
           folder.string());
    });
  start_loader();
}

void Trainer::load(const std::filesystem::path& folder) {
  blame<CheckpointError>([&] {
    CheckpointState state = read_checkpoint_state(folder);
    require(state.config == fingerprint_ && state.seed == options_.seed, "Trainer::resume",
            "{} was made with configuration {} and seed {}, but this run has {} and {}; resume with the configuration "
            "that the run's folder holds",
            folder.string(), state.config, state.seed, fingerprint_, options_.seed);
    if (average_) average_->state() = state.step > 0 ? parameters_.make_flat() : Tensor();
    if (average_ && state.step > 0) state.average = &average_->state();
    state.learner = learner_.state();
    load_checkpoint(folder, parameters_, optimizer_->states(), state);
    const auto whole = [&](const char* name) {
      const auto found = state.numbers.find(name);
      require(found != state.numbers.end(), "Trainer::resume", "{} lacks '{}'; it is no checkpoint of this trainer",
              folder.string(), name);
      return static_cast<std::int64_t>(found->second);
    };
    evaluated_ = whole("evaluated");
    const std::int64_t best_step = whole("best_step"), worse = whole("worse");
    stopping_.restore({state.numbers["best"], best_step, worse});
    report_ = {};
    report_.step = saved_ = state.step;
    report_.epoch = sampler_.epochs(state.step);
  });
  if (ranks_.leads() && folder_ && best_step() > 0 && std::filesystem::exists(folder_->at(best_step()) / "COMPLETE"))
    folder_->set_best(best_step());  // a kill may have come between a checkpoint and its name
}

std::string Trainer::weights_hash() const {
  return tempera::weights_hash(parameters_);
}

}  // namespace tempera
