#include "apps/bench/step_rows.h"

#include <limits>

#include "attention/attention.h"
#include "attention/multi_head.h"
#include "attention/score_attention.h"
#include "core/random.h"
#include "layers/decoder_lm.h"
#include "layers/encoder_classifier.h"
#include "losses/cross_entropy_head.h"
#include "train/model_learner.h"
#include "train/optimizer/adam.h"
#include "train/profile.h"

namespace tempera::bench {
namespace {

constexpr Index kImage = 28, kPatch = 4;
constexpr Index kBatches = 4;  // of different data

constexpr StepRow kRows[] = {
    {"grok", false, 1, 128, 4, 114, 113, 3830, 3, "softmax", "last"},
    {"tiny", true, 2, 64, 4, 256, 256, 8, 64},
    {"char", true, 4, 128, 4, 65, 65, 16, 256},
    {"small", true, 6, 384, 6, 65, 65, 8, 256},
    {"vit", false, 6, 128, 4, 0, 10, 64, 49},
    {"long", true, 2, 128, 4, 256, 256, 1, 4096},
    {"linear", true, 2, 128, 4, 256, 256, 1, 16384, "linear"},
    {"vocabulary", true, 2, 128, 4, 32000, 32000, 8, 128},
    {"double", true, 4, 128, 4, 65, 65, 16, 256, "softmax", "mean", "float64"},
};

std::shared_ptr<const Dataset> drawn_data(const StepRow& row) {
  const Index samples = row.batch * (row.name == "grok" ? 1 : kBatches);
  const Rng rng(1, "bench/steps");
  const auto draw = [&](std::string_view name, const Shape& shape, Index below) {
    Tensor t = Tensor::empty(shape, DType::int32);
    const Rng own = rng.sub(name);
    for (Index i = 0; i < t.size(); ++i)
      t.data<std::int32_t>()[i] =
          static_cast<std::int32_t>(own.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(below)));
    return t;
  };
  Description description{.classes = row.classes};
  Tensor inputs;
  if (row.vocabulary > 0) {
    description.inputs = {row.length};
    description.input_type = DType::int32;
    description.vocabulary = row.vocabulary;
    inputs = draw("inputs", {samples, row.length}, row.vocabulary);
  } else {
    description.inputs = {1, kImage, kImage};
    inputs = Tensor::empty({samples, 1, kImage, kImage}, DType::float32);
    rng.sub("inputs").fill_normal(inputs, 0, 1);
  }
  if (row.decoder) description.targets = {row.length};
  const Tensor targets = draw("targets", row.decoder ? Shape{samples, row.length} : Shape{samples}, row.classes);
  return std::make_shared<TensorDataset>(inputs, targets, description);
}

template <class O>
O transformer_options(const StepRow& row) {
  O o;
  o.d_model = static_cast<int>(row.width);
  o.n_layers = static_cast<int>(row.layers);
  o.max_length = static_cast<int>(row.length);
  o.patch = kPatch;
  return o;
}

}  // namespace

std::span<const StepRow> step_rows() {
  return kRows;
}

const StepRow& step_row(std::string_view name) {
  for (const StepRow& row : kRows)
    if (row.name == name) return row;
  fail("bench steps", "there is no row '{}'; known: grok, tiny, char, small, vit, long, linear, vocabulary, double",
       name);
}

std::unique_ptr<Model> step_model(const StepRow& row) {
  const InputSpec spec = row.vocabulary > 0 ? InputSpec::tokens(row.vocabulary) : InputSpec::images(1, kImage, kImage);
  const MixerFactory mixers = [&row](const MixerPlace&) {
    Choice choice(attention_kinds(), row.attention);
    dynamic_cast<MultiHeadOptions&>(choice.options()).heads = static_cast<int>(row.heads);
    return choice.as<AttentionOptions>().make({.d_model = row.width, .causal = row.decoder});
  };
  if (row.decoder) return std::make_unique<DecoderLM>(transformer_options<DecoderOptions>(row), spec, mixers);
  auto options = transformer_options<EncoderOptions>(row);
  options.pooling = row.pooling;
  return std::make_unique<EncoderClassifier>(options, spec, mixers);
}

std::unique_ptr<Head> step_head(const StepRow& row, const Model& model) {
  return CrossEntropyHeadOptions().make({model.width(), row.classes, nullptr});
}

StepModel::StepModel(const StepRow& row, const StepSettings& settings) : row_(row), data_(drawn_data(row)) {
  std::unique_ptr<Model> model = step_model(row);
  auto head = step_head(row, *model);
  TrainerOptions options;
  options.dtype = row.dtype;
  options.steps = std::numeric_limits<std::int64_t>::max();
  options.batch = row.batch;
  options.clip.norm.reset();
  options.threads = settings.threads;
  options.shard = settings.shard;
  options.matrix_units = settings.matrix_units;
  const DType dtype = row.dtype == "float64" ? DType::float64 : DType::float32;
  learner_ = std::make_unique<ModelLearner>(std::move(model), std::move(head), dtype);
  trainer_ = std::make_unique<Trainer>(options, *learner_, data_, AdamWOptions(), [](std::int64_t) { return 1e-3; });
}

StepModel::~StepModel() = default;

double StepModel::step_flops() {
  Profile profile;
  trainer_->observe(&profile);
  trainer_->step();
  trainer_->observe(nullptr);
  const auto n = static_cast<double>(row_.length);
  double flops = 0;
  for (const Profile::Row& row : profile.rows()) {
    const bool masked = row_.decoder && row.operation == streaming_attention_op.name;
    flops += row.flops * (masked ? (n + 1) / (2 * n) : 1);
  }
  return flops;
}

}  // namespace tempera::bench
