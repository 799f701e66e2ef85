#include "train/attention_figures.h"

#include <algorithm>
#include <cmath>

#include "attention/multi_head.h"
#include "data/sampler.h"
#include "layers/encoder_classifier.h"
#include "train/further_tests.h"

namespace tempera {
namespace {

constexpr Index kMostWeights = Index{1} << 26;  // of one attention: 256 MB of float32

// The figures of everything that one forward pass shows. What was shown last is known when the pass is over.
class Recorder : public WeightsObserver {
 public:
  Recorder(AttentionFigures& figures, bool causal) : figures_(figures), causal_(causal) {}

  void see(std::string_view path, const Tensor& weights) override {
    flush(false, false);
    shown_ = weights.clone();
    shown_causal_ = causal_ && !path.ends_with("cross_attention") && !path.starts_with("encoder");
  }
  // Counts what was shown last; with `one` only the first or the last row of it.
  void flush(bool one, bool last) {
    if (!shown_.defined()) return;
    if (one) figures_.add_row(shown_, shown_causal_, last ? shown_.dim(2) - 1 : 0);
    else figures_.add(shown_, shown_causal_);
    shown_ = Tensor();
  }

 private:
  AttentionFigures& figures_;
  bool causal_, shown_causal_ = false;
  Tensor shown_;
};

// Without the padding behind one sample.
Tensor cut(const Tensor& tokens, Tensor& lengths) {
  if (!tokens.defined() || !lengths.defined()) return tokens;
  const auto own = std::max<Index>(1, static_cast<Index>(lengths.at(0)));
  lengths = Tensor();
  return tokens.view(0, tokens.shape().with(1, own));
}

// Whether one attention's weights would be too many.
bool too_long(const ExperimentOptions& options, const Description& d) {
  const auto* attention = dynamic_cast<const MultiHeadOptions*>(&options.attention.options());
  const Index heads = attention ? attention->heads : 1, tokens = sequence_length(d).value_or(0);
  return tokens > kMostWeights / std::max<Index>(1, tokens) / heads;
}

}  // namespace

void AttentionFigures::add(const Tensor& weights, bool causal) {
  for (Index row = 0; row < weights.dim(2); ++row) add_row(weights, causal, row);
}

void AttentionFigures::add_row(const Tensor& weights, bool causal, Index row) {
  const Index keys = weights.dim(3), n = causal ? std::min(row + 1, keys) : keys;
  if (n < 2) return;
  dispatch(weights.dtype(), [&]<class T>(Type<T>) {
    for (Index head = 0; head < weights.dim(0) * weights.dim(1); ++head) {
      const T* w = weights.data<T>() + (head * weights.dim(2) + row) * keys;
      double total = 0, most = 0, sum = 0;  // sum: of |w| log |w|
      for (Index j = 0; j < keys; ++j) {
        const double size = std::abs(static_cast<double>(w[j]));
        total += size;
        most = std::max(most, size);
        if (size > 0) sum += size * std::log(size);
      }
      keys_ += n;
      zeros_ += std::count(w, w + n, T(0));
      if (!(total > 0)) continue;
      // -sum p log p with p = |w| / total
      const double entropy = std::max(0.0, std::log(total) - sum / total);
      ++rows_;
      entropy_ += entropy;
      evenness_ += entropy / std::log(static_cast<double>(n));
      top_weight_ += most / total;
    }
  });
}

double AttentionFigures::entropy() const {
  return entropy_ / static_cast<double>(rows_);
}
double AttentionFigures::evenness() const {
  return evenness_ / static_cast<double>(rows_);
}
double AttentionFigures::top_weight() const {
  return top_weight_ / static_cast<double>(rows_);
}

double AttentionFigures::zeros() const {
  return static_cast<double>(zeros_) / static_cast<double>(keys_);
}

NamedValues attention_figures(Experiment& experiment, const Dataset& set, std::int64_t samples) {
  const ExperimentOptions& options = experiment.options();
  const ModelLearner& learner = experiment.learner();
  if (too_long(options, set.description())) return {};
  const auto* encoder = dynamic_cast<const EncoderOptions*>(&options.model.options());
  const bool one_read = encoder && !learner.model().reads_second() && encoder->pooling != "mean";
  AttentionFigures figures;
  Recorder recorder(figures, learner.model().per_token());
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  context.observe_weights(&recorder);
  std::vector<std::int64_t> ids;
  spread_samples(set.size(), std::min(samples, set.size()), 0, samples, ids);
  Batch batch;
  for (const std::int64_t id : ids) {
    experiment.trainer().heed_stop();
    set.fill(std::span(&id, 1), batch);
    context.begin(0, 0);
    ModelInput input = learner.input(batch, tape.pool());
    input.inputs = cut(input.inputs, input.lengths);
    input.second_inputs = cut(input.second_inputs, input.second_lengths);
    learner.model().features(context, input);
    recorder.flush(one_read, encoder && encoder->pooling == "last");
  }
  if (figures.rows() == 0) return {};
  return {{"attention_entropy", figures.entropy()},
          {"attention_evenness", figures.evenness()},
          {"attention_top_weight", figures.top_weight()},
          {"attention_zeros", figures.zeros()}};
}

}  // namespace tempera
