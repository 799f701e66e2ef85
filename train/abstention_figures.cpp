#include "train/abstention_figures.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/sampler.h"
#include "layers/encoder_classifier.h"
#include "losses/cross_entropy_head.h"
#include "losses/metrics.h"
#include "train/attention_figures.h"
#include "train/single_sample.h"

namespace tempera {
namespace {

constexpr double kConfident = 0.5, kAnswered = 0.95;
constexpr Index kMostTokens = 4096;

// What a pass shows of the tokens that are read.
class Doubts : public WeightsObserver {
 public:
  enum class Read { first, last, all };
  explicit Doubts(Read read) : read_(read) {}

  bool wants_vacuity() const override { return true; }
  void vacuity(std::string_view, const Tensor& values) override {
    const Index queries = values.dim(2);
    for (Index i = 0; i < values.size(); ++i) {
      if (!reads(i % queries, queries)) continue;
      vacuity_ += values.at(i);
      ++rows_;
    }
  }
  void see(std::string_view, const Tensor& weights) override {
    for (Index row = 0; row < weights.dim(2); ++row)
      if (reads(row, weights.dim(2))) figures_.add_row(weights, false, row);
  }
  double vacuity() const { return vacuity_ / static_cast<double>(rows_); }
  double entropy() const { return figures_.entropy(); }

 private:
  bool reads(Index row, Index rows) const { return read_ == Read::all || row == (read_ == Read::first ? 0 : rows - 1); }

  Read read_;
  double vacuity_ = 0;
  Index rows_ = 0;
  AttentionFigures figures_;
};

Doubts::Read read_by(const ExperimentOptions& options) {
  const auto* encoder = dynamic_cast<const EncoderOptions*>(&options.model.options());
  if (!encoder || encoder->pooling == "mean") return Doubts::Read::all;
  return encoder->pooling == "last" ? Doubts::Read::last : Doubts::Read::first;
}

double largest_probability(const Tensor& logits) {
  double top = logits.at(0), sum = 0;
  for (Index i = 1; i < logits.size(); ++i) top = std::max(top, logits.at(i));
  for (Index i = 0; i < logits.size(); ++i) sum += std::exp(logits.at(i) - top);
  return 1 / sum;
}

// Of questions of one kind.
struct Collected {
  std::vector<double> vacuity, entropy, doubt;
};

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::nan("");
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

NamedValues figures(const Collected& answered, const Collected& open) {
  const double threshold = quantile(answered.vacuity, kAnswered);
  double confident = 0, left = 0;
  for (std::size_t i = 0; i < open.doubt.size(); ++i) {
    if (1 - open.doubt[i] <= kConfident) continue;
    confident += 1;
    left += open.vacuity[i] <= threshold;
  }
  const auto count = static_cast<double>(open.doubt.size());
  const double by_vacuity = area_under_roc(answered.vacuity, open.vacuity),
               by_entropy = area_under_roc(answered.entropy, open.entropy);
  return {{"vacuity_auroc", by_vacuity},
          {"entropy_auroc", by_entropy},
          {"vacuity_gain", by_vacuity - by_entropy},
          {"doubt_auroc", area_under_roc(answered.doubt, open.doubt)},
          {"confident_errors", confident / count},
          {"confident_errors_left", left / count}};
}

}  // namespace

NamedValues abstention_figures(Experiment& experiment, const Dataset& set, std::int64_t samples) {
  const ExperimentOptions& options = experiment.options();
  const auto* head = dynamic_cast<const CrossEntropyHeadOptions*>(&options.head.options());
  if (!head || experiment.data().task != Task::classification) return {};
  const ModelLearner& learner = experiment.learner();
  Collected answered, open;
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  std::vector<std::int64_t> ids;
  spread_samples(set.size(), std::min(samples, set.size()), 0, samples, ids);
  Batch batch;
  for (const std::int64_t id : ids) {
    experiment.trainer().heed_stop();
    Doubts doubts(read_by(options));
    context.observe_weights(&doubts);
    context.begin(0, 0);
    const Var features = learner.model().features(context, single_sample(learner, set, id, kMostTokens));
    const Tensor logits = learner.head().logits(context, features).value();
    set.fill(std::span(&id, 1), batch);
    Collected& to = batch.targets.at(0) == head->ignore_index ? open : answered;
    to.vacuity.push_back(doubts.vacuity());
    to.entropy.push_back(doubts.entropy());
    to.doubt.push_back(1 - largest_probability(logits));
  }
  return figures(answered, open);
}

}  // namespace tempera
