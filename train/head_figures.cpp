#include "train/head_figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "attention/multi_head.h"
#include "data/sampler.h"
#include "train/single_sample.h"

namespace tempera {
namespace {

constexpr std::int64_t kLooked = 16, kChunk = 64;  // samples
constexpr Index kMostTokens = 1024;
constexpr double kIdle = 0.1;
constexpr std::string_view kCross = "cross_attention", kOutput = ".output.weight";

// The output matrix [d_model, heads width] of an attention.
struct Attention {
  std::string path;
  Tensor output;
  Index heads;
  bool cross() const { return path.ends_with(kCross); }
};

std::vector<Attention> attentions(Experiment& experiment) {
  const ExperimentOptions& options = experiment.options();
  const auto* own = dynamic_cast<const MultiHeadOptions*>(&options.attention.options());
  const auto* cross = dynamic_cast<const MultiHeadOptions*>(&options.cross_attention.options());
  std::vector<Attention> all;
  for (const auto& entry : experiment.trainer().parameters().entries()) {
    if (!entry.name.ends_with("attention" + std::string(kOutput))) continue;
    Attention one{entry.name.substr(0, entry.name.size() - kOutput.size()), entry.parameter->value, 0};
    const auto* heads = one.cross() && cross ? cross : own;
    if (!heads) continue;
    one.heads = heads->heads;
    all.push_back(std::move(one));
  }
  const auto reads = [](const Attention& one) { return one.cross(); };
  if (std::any_of(all.begin(), all.end(), reads)) std::erase_if(all, [&](const Attention& one) { return !reads(one); });
  return all;
}

// While it lives, a head's share of the output is zero.
class Without {
 public:
  Without(const Attention& attention, Index head) : output_(attention.output), kept_(output_.clone()) {
    const Index width = output_.dim(1) / attention.heads;
    for (Index row = 0; row < output_.dim(0); ++row)
      for (Index c = 0; c < width; ++c) output_.set(row * output_.dim(1) + head * width + c, 0);
  }
  ~Without() { output_.copy_from(kept_); }
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;

 private:
  Tensor output_, kept_;
};

double accuracy(Experiment& experiment, const Dataset& set, std::int64_t samples) {
  const ModelLearner& learner = experiment.learner();
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  std::vector<double> sums(static_cast<std::size_t>(learner.sum_count()), 0);
  std::vector<std::int64_t> ids;
  Batch batch;
  for (std::int64_t first = 0; first < samples; first += kChunk) {
    experiment.trainer().heed_stop();
    spread_samples(set.size(), samples, first, first + kChunk, ids);
    set.fill(ids, batch);
    context.begin(0, 0);
    learner.loss(context, batch, 1, sums);
  }
  const NamedValues metrics = learner.metrics(sums);
  const double* found = metrics.find("accuracy");
  return found ? *found : std::nan("");
}

class Looks : public WeightsObserver {
 public:
  struct Mass {
    double sum = 0;
    Index rows = 0;
  };
  std::map<std::pair<std::string, Index>, Mass> heads;
  Index steps = 0, backward = 0, encoder = 0, encoder_zeros = 0;

  void see(std::string_view path, const Tensor& weights) override {
    const Index rows = weights.dim(2), keys = weights.dim(3);
    if (path.starts_with("encoder")) {
      encoder += weights.size();
      for (Index i = 0; i < weights.size(); ++i) encoder_zeros += weights.at(i) == 0;
    }
    for (Index h = 0; h < weights.dim(1); ++h) {
      Mass& mass = heads[{std::string(path), h}];
      Index before = 0;
      for (Index i = 0; i < rows; ++i) {
        const Index at = (h * rows + i) * keys;
        Index top = 0;
        for (Index j = 0; j < keys; ++j) {
          mass.sum += weights.at(at + j);
          if (weights.at(at + j) > weights.at(at + top)) top = j;
        }
        if (!path.ends_with(kCross) || weights.at(at + top) <= 0) continue;
        if (i > 0) ++steps, backward += top < before;
        before = top;
      }
      mass.rows += rows;
    }
  }
  bool idle(const Attention& attention, Index head) const {
    const auto found = heads.find({attention.path, head});
    return found != heads.end() && found->second.sum < kIdle * static_cast<double>(found->second.rows);
  }
};

// None where no normalizer has a parameter for each head.
std::optional<double> spread(const Parameters& parameters) {
  std::optional<double> widest;
  for (const auto& entry : parameters.entries()) {
    const Tensor& value = entry.parameter->value;
    if (entry.name.find(".normalizer.") == entry.name.npos || value.rank() != 1) continue;
    double low = value.at(0), high = low;
    for (Index i = 1; i < value.size(); ++i) low = std::min(low, value.at(i)), high = std::max(high, value.at(i));
    widest = std::max(widest.value_or(0), high - low);
  }
  return widest;
}

}  // namespace

NamedValues head_figures(Experiment& experiment, const Dataset& set, std::int64_t samples) {
  const std::vector<Attention> all = attentions(experiment);
  if (all.empty()) return {};
  const Parameters& parameters = experiment.trainer().parameters();
  Looks looks;
  {
    Tape tape;
    Context context(tape, parameters);
    context.observe_weights(&looks);
    std::vector<std::int64_t> ids;
    spread_samples(set.size(), std::min(kLooked, samples), 0, kLooked, ids);
    for (const std::int64_t id : ids) {
      context.begin(0, 0);
      experiment.learner().model().features(context, single_sample(experiment.learner(), set, id, kMostTokens));
    }
  }
  double without = 0;
  Index heads = 0;
  std::vector<std::unique_ptr<Without>> pruned;
  for (const Attention& attention : all)
    for (Index h = 0; h < attention.heads; ++h, ++heads) {
      const Without one(attention, h);
      without += accuracy(experiment, set, samples);
    }
  for (const Attention& attention : all)
    for (Index h = 0; h < attention.heads; ++h)
      if (looks.idle(attention, h)) pruned.push_back(std::make_unique<Without>(attention, h));
  NamedValues figures{{"without_head_accuracy", without / static_cast<double>(heads)},
                      {"without_idle_accuracy", accuracy(experiment, set, samples)},
                      {"pruned_heads", static_cast<double>(pruned.size())}};
  while (!pruned.empty()) pruned.pop_back();  // the last first, for each puts back what it found
  if (all[0].cross()) {
    figures.push_back({"backward_steps", static_cast<double>(looks.backward) / static_cast<double>(looks.steps)});
    figures.push_back({"encoder_zeros", static_cast<double>(looks.encoder_zeros) / static_cast<double>(looks.encoder)});
  }
  if (const auto widest = spread(parameters)) figures.push_back({"normalizer_spread", *widest});
  return figures;
}

}  // namespace tempera
