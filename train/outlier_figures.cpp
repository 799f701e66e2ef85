#include "train/outlier_figures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "attention/outliers.h"
#include "data/sampler.h"
#include "train/single_sample.h"

namespace tempera {
namespace {

constexpr std::int64_t kSamples = 8;
constexpr Index kMostTokens = 256;
constexpr double kIdle = 0.1;

// The sum of every row's weights, head by head.
struct HeadMass {
  double sum = 0;
  Index rows = 0;
};

class Collector : public WeightsObserver {
 public:
  double ratio = 0, over_median = 0, shares = 0;
  Index flagged = 0, tokens = 0;
  std::map<std::pair<std::string, Index>, HeadMass> heads;

  void activations(std::string_view, const Tensor& values) override {
    std::vector<double> sizes;
    for (Index i = 0; i < values.size(); ++i) sizes.push_back(std::abs(values.at(i)));
    if (sizes.empty()) return;
    double sum = 0;
    for (const double size : sizes) sum += size;
    const double top = *std::max_element(sizes.begin(), sizes.end());
    const auto middle = sizes.begin() + std::ssize(sizes) / 2;
    std::nth_element(sizes.begin(), middle, sizes.end());
    if (sum > 0) ratio = std::max(ratio, top * static_cast<double>(sizes.size()) / sum);
    if (*middle > 0) over_median = std::max(over_median, top / *middle);
    flagged += std::ssize(activation_outliers(values));
    tokens += values.size() / values.shape().back();
  }

  void see(std::string_view path, const Tensor& weights) override {
    const Index count = weights.dim(1), queries = weights.dim(2), keys = weights.dim(3);
    std::vector<double> gathered(static_cast<std::size_t>(keys), 0);
    for (Index h = 0; h < count; ++h) {
      HeadMass& mass = heads[{std::string(path), h}];
      mass.rows += queries;
      for (Index i = 0; i < queries * keys; ++i) {
        const double w = weights.at(h * queries * keys + i);
        mass.sum += w;
        gathered[static_cast<std::size_t>(i % keys)] += w;
      }
    }
    for (const double sum : gathered) widest_ = std::max(widest_, sum / static_cast<double>(queries * count));
  }

  void end_sample() { shares += std::exchange(widest_, 0); }

 private:
  double widest_ = 0;
};

double weight_ratio(const Parameters& parameters) {
  double worst = 0;
  for (const Parameters::Entry& entry : parameters.entries()) {
    const Tensor& w = entry.parameter->value;
    if (entry.name.find("blocks.") == entry.name.npos || w.rank() != 2 || w.size() == 0) continue;
    worst = std::max({worst, row_outlier(w).over_median, column_outlier(w).over_median});
  }
  return worst;
}

}  // namespace

NamedValues outlier_figures(Experiment& experiment, const Dataset& set) {
  const Parameters& parameters = experiment.trainer().parameters();
  const std::int64_t samples = std::min(kSamples, set.size());
  std::vector<std::int64_t> ids;
  spread_samples(set.size(), samples, 0, samples, ids);
  Tape tape;
  Context context(tape, parameters);
  Collector found;
  context.observe_weights(&found);
  for (const std::int64_t id : ids) {
    experiment.trainer().heed_stop();
    context.begin(0, 0);
    experiment.learner().model().features(context, single_sample(experiment.learner(), set, id, kMostTokens));
    found.end_sample();
  }
  NamedValues figures;
  if (found.tokens > 0) {
    figures.push_back({"activation_ratio", found.ratio});
    figures.push_back({"activation_median", found.over_median});
    figures.push_back({"outlier_tokens", static_cast<double>(found.flagged) / static_cast<double>(found.tokens)});
  }
  if (!found.heads.empty()) {
    figures.push_back({"sink_share", found.shares / static_cast<double>(samples)});
    const auto idle = std::count_if(found.heads.begin(), found.heads.end(), [](const auto& head) {
      return head.second.sum < kIdle * static_cast<double>(head.second.rows);
    });
    figures.push_back({"idle_heads", static_cast<double>(idle)});
  }
  if (const double ratio = weight_ratio(parameters); ratio > 0) figures.push_back({"weight_ratio", ratio});
  return figures;
}

}  // namespace tempera
