#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "train/checkpoint.h"
#include "train/clipping.h"

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

DType dtype_named(const std::string& name) {
  return name == "float64" ? DType::float64 : DType::float32;
}

}  // namespace

void TrainerOptions::describe(Fields& f) {
  f("steps", steps, "updates of the parameters", at_least(0));
  f("batch", batch, "samples of a step", at_least(1));
  f("accumulate", accumulate, "multiplies the batch; memory does not grow, since shards bound it", at_least(1));
  f("shard", shard,
    "samples of a shard; 0: an eighth of the batch, or more. Part of the result's bits, threads are not", at_least(0));
  f("drop_last", drop_last, "leave out the last samples of an epoch that fill no batch");
  f("clip", clip, "largest norm of the gradient; 0: any", at_least(0));
  f("prefetch", prefetch, "batches that are read ahead", between(0, 64));
  f("seed", seed, "of initialisation, order of the data and dropout");
  f("threads", threads, "threads of a step; changes no bit", between(1, 1024));
  f("dtype", dtype, "type of parameters and arithmetic", one_of({"float32", "float64"}));
  f("watch", watch, "look at every value and gradient, and stop at the first that is not finite");
}

std::vector<Problem> TrainerOptions::problems() const {
  if (shard > batch * accumulate)
    return {{"shard", fmt::format("a shard of {} samples exceeds the batch of {}", shard, batch * accumulate)}};
  return {};
}

Trainer::Trainer(const TrainerOptions& options, Learner& learner, std::shared_ptr<const Dataset> train,
                 const MakeOptimizer& optimizer, LearningRate lr)
    : options_(options),
      learner_(learner),
      train_(std::move(train)),
      lr_(std::move(lr)),
      rng_(options.seed, "run"),
      parameters_(learner.module(), dtype_named(options.dtype), rng_),
      segments_(segments_of(parameters_)),
      optimizer_(optimizer(segments_)),
      runner_(parameters_, rng_, options.threads, learner.sum_count()),
      sampler_(train_ ? train_->size() : 0, {.batch = options.batch * options.accumulate,
                                             .shuffle = true,
                                             .drop_last = options.drop_last,
                                             .seed = options.seed}) {
  optimizer_->prepare(parameters_.flat_size(), parameters_.dtype());
  runner_.watch(options_.watch);
  start_loader();
}

Trainer::~Trainer() = default;

void Trainer::start_loader() {
  loader_ = std::make_unique<Loader>(
      train_, sampler_,
      LoaderOptions{.depth = static_cast<int>(options_.prefetch), .first = done_, .last = options_.steps});
}

Index Trainer::shard_size() const {
  if (options_.shard > 0) return options_.shard;
  const Index batch = options_.batch * options_.accumulate;
  const Index least = std::max(kShardTokens, parameters_.flat_size() / kParametersPerToken);
  Index shards = kShards;
  while (shards > 1 && batch * tokens_of(train_->description()) < shards * least) shards /= 2;
  return std::max<Index>(1, (batch + shards - 1) / shards);
}

Index Trainer::shard_count(const Batch& batch) const {
  return (batch.size() + shard_size() - 1) / shard_size();
}

Batch Trainer::shard_of(const Batch& batch, Index shard) const {
  const Index first = shard * shard_size();
  return batch.rows(first, std::min(shard_size(), batch.size() - first));
}

ShardResult Trainer::run_shards(const Batch& batch) {
  const Index shards = shard_count(batch);
  double normaliser = 0;
  for (Index shard = 0; shard < shards; ++shard) normaliser += learner_.weight(shard_of(batch, shard));
  return runner_.run(
      static_cast<std::uint64_t>(done_), shards, [&](Index shard) { return shard * shard_size(); },
      [&](Context& context, Index shard, std::span<double> sums) {
        return learner_.loss(context, shard_of(batch, shard), normaliser, sums);
      });
}

StepReport Trainer::step() {
  const Batch& batch = loader_->next();
  ShardResult result = run_shards(batch);
  const double norm = gradient_norm(runner_.gradients(), segments_);
  if (!std::isfinite(result.loss) || !std::isfinite(norm)) {
    // The same step again, looking at every value; the first one that is not finite throws.
    runner_.watch(true);
    run_shards(batch);
    throw NonFiniteError(fmt::format("the loss is {} and the gradient's norm {} at step {}, though no operation gave a "
                                     "value that is not finite; the sums overflow: lower the learning rate, or clip",
                                     result.loss, norm, done_ + 1),
                         "train", "", done_ + 1);
  }
  StepReport report;
  report.lr = lr_(done_);
  report.gradient_norm = norm;
  StepInfo info;
  info.step = done_ + 1;
  info.lr = report.lr;
  ClippingOptions clipping;
  if (options_.clip > 0) clipping.norm = options_.clip;
  clipping.apply(norm, info);
  info.threads = options_.threads;
  optimizer_->step(parameters_.flat(), runner_.gradients(), info);
  report.step = ++done_;
  report.epoch = static_cast<double>(done_) / static_cast<double>(sampler_.steps_per_epoch());
  report.metrics = learner_.metrics(result.sums);
  report.samples = batch.size();
  return report;
}

bool Trainer::run(const std::function<bool()>& should_stop) {
  stopped_ = false;
  while (done_ < options_.steps) {
    if (stopped_ || (should_stop && should_stop())) return false;
    const StepReport report = step();
    if (on_step) on_step(report);
  }
  return true;
}

std::vector<NamedValue> Trainer::evaluate(const Dataset& set, std::int64_t samples) {
  const std::int64_t total = samples > 0 ? std::min(samples, set.size()) : set.size();
  const std::int64_t chunk = std::min<std::int64_t>(total, options_.batch * options_.accumulate);
  std::vector<double> sums(static_cast<std::size_t>(learner_.sum_count()), 0);
  std::vector<std::int64_t> ids;
  Batch batch;
  for (std::int64_t first = 0; first < total; first += chunk) {
    ids.clear();
    for (std::int64_t i = first; i < std::min(total, first + chunk); ++i) ids.push_back(i);
    set.fill(ids, batch);
    const ShardResult result =
        runner_.evaluate(shard_count(batch), [&](Context& context, Index shard, std::span<double> s) {
          return learner_.loss(context, shard_of(batch, shard), 1, s);
        });
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += result.sums[i];
  }
  return learner_.metrics(sums);
}

void Trainer::save(const std::filesystem::path& folder, const std::string& config,
                   const std::map<std::string, double>& numbers) {
  const CheckpointState state{done_, options_.seed, config, numbers, {}};
  save_checkpoint(folder, parameters_, optimizer_->states(), state);
}

std::map<std::string, double> Trainer::resume(const std::filesystem::path& folder, const std::string& config) {
  CheckpointState state;
  load_checkpoint(folder, parameters_, optimizer_->states(), state);
  require(
      state.config == config && state.seed == options_.seed, "Trainer::resume",
      "{} was made with configuration {} and seed {}, but this run has {} and {}; resume with the configuration that "
      "the run's folder holds",
      folder.string(), state.config, state.seed, config, options_.seed);
  done_ = state.step;
  start_loader();
  return state.numbers;
}

std::string Trainer::weights_hash() const {
  return tempera::weights_hash(parameters_);
}

}  // namespace tempera
