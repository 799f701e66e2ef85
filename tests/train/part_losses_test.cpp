// Losses that parts of a model add to that of its head: what is minimised, what is reported, on whose account.
#include "attention/attention.h"
#include "core/ops/elementwise.h"
#include "core/ops/reductions.h"
#include "layers/block.h"
#include "losses/cross_entropy_head.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/modules.h"
#include "train/model_gradcheck.h"

using namespace tempera;

namespace {

// A model of one vector of weights: features x w, and the losses sum(w^2) / 10 twice and w_0 once.
class Penalised : public Model {
 public:
  explicit Penalised(bool says = true) : weight_({4}, Init::normal(1)), says_(says) {}
  void visit(ParameterVisitor& v) override { v("weight", weight_); }
  std::vector<std::string_view> loss_names() const override {
    if (says_) return {"square", "first"};
    return {};
  }
  Var features(Context& context, const ModelInput& input) const override {
    const Var w = context[weight_];
    for (const double factor : {1., 3.}) context.add_loss("square", sum(square(w)) * factor, 0.1);
    context.add_loss("first", slice(w, 0, 0, 1), 2);
    return context.tape().constant(input.inputs) * w;
  }
  Index width() const override { return 4; }
  bool per_token() const override { return false; }

 private:
  Parameter weight_;
  bool says_;
};

ModelLearner penalised(bool says = true) {
  return ModelLearner(std::make_unique<Penalised>(says), CrossEntropyHeadOptions().make({4, 3, nullptr, false}),
                      DType::float64);
}

Batch six_samples() {
  Batch batch;
  batch.inputs = random_tensor({6, 4}, 1);
  batch.targets = tokens({6}, {0, 1, 2, 0, 1, 2});
  batch.ids = tokens({6}, {0, 1, 2, 3, 4, 5});
  return batch;
}

struct Losses {
  double whole, head;
  NamedValues metrics;
};

Losses losses_of(const ModelLearner& learner, const Parameters& parameters, const Batch& batch, double normaliser,
                 bool training = true) {
  Tape tape;
  Context context = training ? Context(tape, parameters, Rng(1, "run")) : Context(tape, parameters);
  if (training) context.set_gradients(parameters.make_flat());
  context.begin(0, 0);
  std::vector<double> sums(static_cast<std::size_t>(learner.sum_count()), 0);
  const double whole = learner.loss(context, batch, normaliser, sums).value().item();
  return {whole, sums[2] / normaliser, learner.metrics(sums)};
}

// Reverses words; the decoder reads by reluformer. Options that follow are the normalizer's.
std::string reversing(const std::string& more = {}) {
  return "data: {type: sequences, longest: 5, symbols: 4}\n"
         "model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 1, max_length: 8}\n"
         "attention: {heads: 2, normalizer: {type: reluformer" +
         more + "}}\ntrain: {steps: 3, batch: 12, shard: 4}\n";
}

// The weights of every attention.
struct Seen : WeightsObserver {
  std::vector<Tensor> all;
  void see(std::string_view, const Tensor& weights) override { all.push_back(weights.clone()); }
};

}  // namespace

TEST_CASE("losses of parts are averaged over the parts and weighted by the shard's targets", "[train][losses]") {
  ModelLearner learner = penalised();
  const Parameters parameters(learner.module(), DType::float64, Rng(3, "model"));
  const Tensor& w = parameters.find("weight").parameter->value;
  const double square = w.vec<double>().square().sum(), first = w.at(0);
  const Batch batch = six_samples();
  const Losses whole = losses_of(learner, parameters, batch, 6);
  CHECK(whole.whole == Approx(whole.head + 0.1 * 2 * square + 2 * first).epsilon(1e-12));
  REQUIRE(whole.metrics.find("square"));
  CHECK(*whole.metrics.find("square") == Approx(2 * square).epsilon(1e-12));
  CHECK(*whole.metrics.find("first") == first);
  CHECK(*whole.metrics.find("loss") == Approx(whole.head).epsilon(1e-12));
  // Shards add up to the whole.
  const Losses two = losses_of(learner, parameters, batch.rows(0, 2), 6),
               four = losses_of(learner, parameters, batch.rows(2, 4), 6);
  CHECK(two.whole + four.whole == Approx(whole.whole).epsilon(1e-12));
  // They train; they do not judge.
  const Losses judged = losses_of(learner, parameters, batch, 6, false);
  CHECK(judged.whole == judged.head);
  CHECK(judged.metrics.find("square") == nullptr);
}

TEST_CASE("a part that adds a loss says so beforehand", "[train][losses][errors]") {
  ModelLearner learner = penalised(false);
  const Parameters parameters(learner.module(), DType::float64, Rng(3, "model"));
  CHECK(error_of([&] { losses_of(learner, parameters, six_samples(), 6); }) ==
        "ModelLearner: a part of the model added the loss 'square', which no part names in loss_names()");
  Tape tape;
  Context context(tape, parameters, Rng(1, "run"));
  CHECK(error_of([&] { context.add_loss("wide", tape.constant(Tensor::zeros({2}, DType::float64)), 1); }) ==
        "Context::add_loss: the loss 'wide' has the shape [2]; one element was wanted");
}

TEST_CASE("recomputation refuses losses of parts", "[train][losses][errors]") {
  struct Adding : MeanMixer {
    using MeanMixer::MeanMixer;
    Var forward(Context& context, const Var& x, const Sequences& s, const Var& memory,
                const Tensor& lengths) const override {
      const Var y = MeanMixer::forward(context, x, s, memory, lengths);
      context.add_loss("square", sum(square(y)), 1);
      return y;
    }
  };
  TransformerOptions options;
  options.d_model = 4;
  for (const bool recomputed : {false, true}) {
    options.recompute = recomputed;
    Block block(options, 1, std::make_unique<Adding>(4));
    const Parameters parameters(block, DType::float64, Rng(3, "model"));
    Tape tape;
    Context context(tape, parameters, Rng(1, "run"));
    context.set_gradients(parameters.make_flat());
    context.begin(0, 0);
    CHECK(error_of([&] {
            block.forward(context, tape.constant(random_tensor({1, 3, 4}, 1)), {});
          }) == (recomputed
                     ? "Block: a part added a loss of its own, which a block that is recomputed cannot carry; set "
                       "recompute to false, or the weight of that loss to 0"
                     : "no error"));
  }
  const TestFolder folder;
  const auto refusal = [&](const std::string& config) {
    return folder.error_of([&] { TestExperiment run(config, {"model.recompute=true"}); });
  };
  CHECK(refusal(reversing()) ==
        "configuration: parts of the model add the loss row_loss to that of the head, which model.recompute cannot "
        "carry; set it to false, or the weight of that loss to 0");
  CHECK(refusal(reversing(", norm_loss: 0, entropy_loss: 0")) == "no error");
}

TEST_CASE("ReLUFormer's loss of rows trains, is reported, and brings the sums of rows near one", "[train][losses]") {
  const auto row_loss = [](const std::string& config) {
    TestExperiment run(config, {"train.steps=60", "lr=1e-2"});
    double last = 0;
    run.trainer().on_step = [&](const StepReport& report) { last = *report.metrics.find("row_loss"); };
    CHECK(run.trainer().run());
    CHECK(run.trainer().evaluate(*run.experiment->data().valid).find("row_loss") == nullptr);
    return last;
  };
  // With weights so small that nothing learns from them the losses are what they would be without.
  const double ignored = row_loss(reversing(", norm_loss: 1e-9, entropy_loss: 0")) * 1e9;
  const double minimised = row_loss(reversing(", norm_loss: 1, entropy_loss: 0"));
  CHECK(minimised < 0.6 * ignored);
}

TEST_CASE("the loss of rows is the mean over what the weights say", "[train][losses]") {
  TestExperiment run(reversing(", norm_loss: 0.7, entropy_loss: 0.4"), {"train.dtype=float64"});
  const ModelLearner& learner = run.experiment->learner();
  Parameters& parameters = run.trainer().parameters();
  stir(parameters);
  Batch batch;
  const std::int64_t ids[] = {0, 1, 2, 3, 4};
  run.experiment->data().train->fill(ids, batch);
  const Losses found = losses_of(learner, parameters, batch, learner.weight(batch));
  Tape tape;
  Context context(tape, parameters);
  Seen seen;
  context.observe_weights(&seen);
  context.begin(0, 0);
  learner.model().features(context, learner.input(batch, nullptr));
  REQUIRE(seen.all.size() == 3);  // the encoder's, the decoder's, the decoder's of the memory
  double total = 0;
  for (std::size_t part = 0; part < 3; ++part) {
    const Tensor& w = seen.all[part];
    double sum = 0;
    Index rows = 0;
    for (Index b = 0; b < 5; ++b) {
      const auto length = static_cast<Index>((part == 0 ? batch.lengths : batch.second_lengths).at(b));
      const auto keys = static_cast<Index>((part == 1 ? batch.second_lengths : batch.lengths).at(b));
      for (Index h = 0; h < 2; ++h)
        for (Index i = 0; i < length; ++i, ++rows) {
          const double n = static_cast<double>(part == 1 ? i + 1 : keys);
          double mass = 0, entropy = 0;
          const auto at = [&](Index j) { return w.at(((b * 2 + h) * w.dim(2) + i) * w.dim(3) + j); };
          for (Index j = 0; j < keys; ++j) mass += at(j);
          for (Index j = 0; j < keys; ++j) {
            const double p = at(j) / (mass + 1e-8);
            if (p > 0) entropy -= p * std::log(p);
          }
          if (mass > 0) sum += 0.7 * std::abs(std::log(mass + 1e-8)) + 0.4 * std::max(0., entropy - 0.7 * std::log(n));
        }
    }
    total += sum / static_cast<double>(rows);
  }
  CHECK(*found.metrics.find("row_loss") == Approx(total / 3).epsilon(1e-9));
  CHECK(found.whole - found.head == Approx(total / 3).epsilon(1e-9));
}

TEST_CASE("gradients of losses of parts", "[train][losses][gradcheck]") {
  for (const char* normalizer : {"reluformer, learned: true", "credal, vacuity_loss: 0.5"}) {
    TestExperiment run(
        "data: {type: sequences, longest: 3, symbols: 3}\n"
        "model: {type: encoder_decoder, d_model: 4, n_layers: 1, n_decoder_layers: 1, max_length: 8}\n"
        "attention: {heads: 2, normalizer: {type: " +
        std::string(normalizer) + "}}\ntrain: {dtype: float64}\n");
    Batch batch;
    const std::int64_t ids[] = {0, 1};
    run.experiment->data().train->fill(ids, batch);
    ModelGradcheckOptions options;
    options.entries = 4;
    const ModelGradcheck found = gradcheck_model(run.experiment->learner(), run.trainer().parameters(), batch, options);
    INFO(found.text());
    CHECK(found.ok);
  }
}

TEST_CASE("losses of parts do not know the number of threads", "[train][losses]") {
  std::string hash;
  for (const char* threads : {"train.threads=1", "train.threads=3"}) {
    TestExperiment run(reversing(), {threads});
    CHECK(run.trainer().run());
    if (hash.empty()) hash = run.trainer().weights_hash();
    CHECK(run.trainer().weights_hash() == hash);
  }
}
