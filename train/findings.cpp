#include "train/findings.h"

#include <algorithm>
#include <numbers>

#include "data/sampler.h"
#include "losses/cross_entropy_head.h"
#include "losses/metrics.h"
#include "train/abstention_figures.h"
#include "train/head_figures.h"
#include "train/outlier_figures.h"

namespace tempera {
namespace {

constexpr Index kMostClasses = 50;  // of a confusion matrix
constexpr Index kTop = 5;
constexpr std::int64_t kChunk = 64;  // samples at a time

// Calls f(batch) for `samples` spread evenly over the set, some at a time.
template <class F>
void each_batch(const Dataset& set, std::int64_t samples, F&& f) {
  std::vector<std::int64_t> ids;
  Batch batch;
  for (std::int64_t first = 0; first < samples; first += kChunk) {
    spread_samples(set.size(), samples, first, first + kChunk, ids);
    set.fill(ids, batch);
    f(batch);
  }
}

std::vector<std::string> class_labels(const Description& d) {
  std::vector<std::string> labels = d.class_names;
  for (Index c = std::ssize(labels); c < d.classes; ++c) labels.push_back(std::to_string(c));
  return labels;
}

LabelledMatrix labelled(const ConfusionMatrix& counts, const Description& d) {
  LabelledMatrix matrix{class_labels(d), class_labels(d), {}};
  for (Index target = 0; target < counts.classes(); ++target)
    for (Index answer = 0; answer < counts.classes(); ++answer)
      matrix.values.push_back(static_cast<double>(counts.count(target, answer)));
  return matrix;
}

Findings class_findings(Experiment& experiment, const Dataset& set, std::int64_t samples, std::int32_t ignored) {
  const Description& d = set.description();
  const ModelLearner& learner = experiment.learner();
  Tape tape;
  Context context(tape, experiment.trainer().parameters());
  Calibration calibration;
  Ratio top;
  std::optional<ConfusionMatrix> confusion;
  if (d.classes <= kMostClasses) confusion.emplace(d.classes);
  each_batch(set, samples, [&](const Batch& batch) {
    experiment.trainer().heed_stop();
    context.begin(0, 0);
    const Var features = learner.model().features(context, learner.input(batch, tape.pool()));
    const Tensor logits = learner.head().logits(context, features).value();
    calibration.add(logits, batch.targets, ignored);
    top.merge(top_k_accuracy(logits, batch.targets, kTop, ignored));
    if (confusion) confusion->add(logits, batch.targets, ignored);
  });
  Findings found;
  if (d.classes > kTop) found.metrics.push_back({"top_5", top.value()});
  found.metrics.push_back({"calibration_error", calibration.error()});
  if (confusion) found.confusion = labelled(*confusion, d);
  return found;
}

// The characters and bytes of the text that the targets stand for.
Findings text_findings(const Dataset& set, std::int64_t samples, const Tokenizer& tokenizer,
                       const NamedValues& metrics) {
  const double* bits = metrics.find("bits");
  if (!bits) return {};
  double tokens = 0, bytes = 0, characters = 0;
  each_batch(set, samples, [&](const Batch& batch) {
    const std::span targets(batch.targets.data<std::int32_t>(), static_cast<std::size_t>(batch.targets.size()));
    const std::string text = tokenizer.decode(targets);
    tokens += static_cast<double>(targets.size());
    bytes += static_cast<double>(text.size());
    // Every byte of UTF-8 but those that continue a character.
    characters += static_cast<double>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
  });
  const double nats = *bits * std::numbers::ln2 * tokens;
  return {{{"bits_per_byte", bits_per_unit(nats, bytes)}, {"bits_per_character", bits_per_unit(nats, characters)}}, {}};
}

Findings task_findings(Experiment& experiment, const Dataset& set, const NamedValues& metrics, std::int64_t count) {
  const DataSource& data = experiment.data();
  const auto* head = dynamic_cast<const CrossEntropyHeadOptions*>(&experiment.options().head.options());
  if (head && data.task == Task::classification)
    return class_findings(experiment, set, count, static_cast<std::int32_t>(head->ignore_index));
  if (data.task == Task::language_model && data.tokenizer) return text_findings(set, count, *data.tokenizer, metrics);
  return {};
}

}  // namespace

Findings findings(Experiment& experiment, const Dataset& set, const NamedValues& metrics, std::int64_t samples) {
  const std::int64_t count = samples > 0 ? std::min(samples, set.size()) : set.size();
  Findings found = task_findings(experiment, set, metrics, count);
  if (experiment.options().train.evaluate.outliers)
    for (const NamedValue& figure : outlier_figures(experiment, set)) found.metrics.push_back(figure);
  if (experiment.options().train.evaluate.abstention)
    for (const NamedValue& figure : abstention_figures(experiment, set, count)) found.metrics.push_back(figure);
  if (experiment.options().train.evaluate.heads)
    for (const NamedValue& figure : head_figures(experiment, set, count)) found.metrics.push_back(figure);
  return found;
}

}  // namespace tempera
