#include "train/temperature_fit.h"

#include <cmath>
#include <utility>

#include "attention/normalizers/adaptive_temperature.h"
#include "attention/score_mixer.h"
#include "data/sampler.h"
#include "layers/transformer_options.h"
#include "losses/cross_entropy_head.h"
#include "train/errors.h"

namespace tempera {
namespace {

constexpr std::string_view kWho = "temperature";
constexpr std::size_t kBetas = 17;

// The mean entropy of all rows that weigh anything.
class Entropies : public WeightsObserver {
 public:
  void see(std::string_view, const Tensor& w) override {
    const Index keys = w.dim(3), rows = keys > 0 ? w.size() / keys : 0;
    for (Index row = 0; row < rows; ++row) {
      double entropy = 0, mass = 0;
      for (Index j = 0; j < keys; ++j) {
        const double p = w.at(row * keys + j);
        mass += p;
        if (p > 0) entropy -= p * std::log(p);
      }
      if (mass == 0) continue;  // padding
      sum_ += entropy;
      ++rows_;
    }
  }
  // Of what was seen since the last call.
  double take() {
    const Index rows = std::exchange(rows_, 0);
    return std::exchange(sum_, 0) / static_cast<double>(std::max<Index>(1, rows));
  }

 private:
  double sum_ = 0;
  Index rows_ = 0;
};

// sum over the targets of a sample of -log p.
double nll_of(const Tensor& logits, const Tensor& targets, std::int32_t ignored) {
  const Index classes = logits.shape().back();
  double sum = 0;
  for (Index row = 0; row < targets.size(); ++row) {
    if (targets.at(row) == ignored) continue;
    double top = -std::numeric_limits<double>::infinity(), total = 0;
    for (Index c = 0; c < classes; ++c) top = std::max(top, logits.at(row * classes + c));
    for (Index c = 0; c < classes; ++c) total += std::exp(logits.at(row * classes + c) - top);
    sum += std::log(total) + top - logits.at(row * classes + static_cast<Index>(targets.at(row)));
  }
  return sum;
}

// Calls f(place in `ids`, batch of one, logits) for every sample.
template <class F>
void each_sample(Experiment& experiment, const Dataset& set, std::span<const std::int64_t> ids, WeightsObserver* seen,
                 F&& f) {
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  context.observe_weights(seen);
  Batch batch;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    set.fill(ids.subspan(i, 1), batch);
    context.begin(0, 0);
    const Var features = experiment.learner().model().features(context, experiment.learner().input(batch, tape.pool()));
    f(i, batch, experiment.learner().head().logits(context, features).value());
  }
}

std::shared_ptr<const Dataset> part_of(const DataSource& data, const std::string& part) {
  const std::shared_ptr<const Dataset> set = part == "train" ? data.train : part == "valid" ? data.valid : data.test;
  blame<DataError>([&] { require(set != nullptr, kWho, "the data have no part '{}'", part); });
  return set;
}

// The factor of the scores that the run was trained with.
double trained_scale(const ExperimentOptions& options) {
  const auto* attention = dynamic_cast<const ScoreMixerOptions*>(&options.attention.options());
  const auto* model = dynamic_cast<const TransformerOptions*>(&options.model.options());
  blame<SetupError>([&] {
    require(attention && model && attention->normalizer.type() == "softmax", kWho,
            "the run's attention is {}{}; a temperature is fitted to the softmax", options.attention.type(),
            attention ? fmt::format(" through {}", attention->normalizer.type()) : "");
    require(options.head.type() == "cross_entropy", kWho,
            "the run's head is {}; the best temperature is that of the likeliest targets, which cross_entropy tells",
            options.head.type());
  });
  const int width = attention->head_width > 0 ? attention->head_width : model->d_model / attention->heads;
  return attention->scale.value_or(1 / std::sqrt(static_cast<double>(width)));
}

}  // namespace

std::span<const double> temperature_betas() {
  static const std::array<double, kBetas> betas = [] {
    std::array<double, kBetas> all{};
    for (std::size_t i = 0; i < kBetas; ++i) all[i] = std::exp2(static_cast<double>(i) / 4 - 1);
    return all;
  }();
  return betas;
}

TemperatureFit fit_temperature(const std::string& run, const OpenOptions& options, const std::string& part,
                               std::int64_t samples) {
  TemperatureFit result;
  std::vector<std::int64_t> ids;
  double scale = 0;
  {
    OpenRun opened = open_run(run, options);
    scale = trained_scale(*opened.options);
    const auto set = part_of(opened.experiment->data(), part);
    const std::int64_t count = samples > 0 ? std::min(samples, set->size()) : set->size();
    spread_samples(set->size(), count, 0, count, ids);
    Entropies seen;
    each_sample(*opened.experiment, *set, ids, &seen,
                [&](std::size_t, const Batch&, const Tensor&) { result.entropies.push_back(seen.take()); });
  }
  std::vector<double> best(ids.size(), std::numeric_limits<double>::infinity());
  result.betas.resize(ids.size());
  for (const double beta : temperature_betas()) {
    OpenOptions scaled = options;
    scaled.overrides.push_back(fmt::format("attention.scale={}", beta * scale));
    const OpenRun opened = open_run(run, scaled);
    const auto& head = opened.options->head.as<CrossEntropyHeadOptions>();
    each_sample(*opened.experiment, *part_of(opened.experiment->data(), part), ids, nullptr,
                [&](std::size_t i, const Batch& batch, const Tensor& logits) {
                  const double nll = nll_of(logits, batch.targets, head.ignore_index);
                  if (nll < best[i]) best[i] = nll, result.betas[i] = beta;
                });
  }
  result.fit = fit_inverse_temperature(result.entropies, result.betas);
  return result;
}

}  // namespace tempera
