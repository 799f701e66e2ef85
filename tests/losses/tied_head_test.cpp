// An output layer that is the table of embeddings: one parameter, read twice.
#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/linear.h"
#include "core/ops/linear_cross_entropy.h"
#include "losses/cross_entropy_head.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/modules.h"
#include "train/generation.h"

using namespace tempera;

namespace {

const std::string kConfig =
    "data: {type: sequences, longest: 3, symbols: 3, valid: 50}\n"
    "model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 1, max_length: 8}\n"
    "attention: {heads: 2}\n"
    "head: {tied: true}\n"
    "train: {steps: 3, batch: 8, dtype: float64}\n";

Batch some_samples(const TestExperiment& run) {
  Batch batch;
  run.experiment->data().train->fill(std::vector<std::int64_t>{0, 1, 2, 3}, batch);
  return batch;
}

// The loss over the whole batch, with the parameters of `context`.
Var loss_of(Context& context, const ModelLearner& learner, const Batch& batch) {
  std::vector<double> sums(static_cast<std::size_t>(learner.sum_count()));
  return learner.loss(context, batch, learner.weight(batch), sums);
}

}  // namespace

TEST_CASE("a tied head's gradients", "[heads][tied][gradcheck]") {
  TestExperiment run(kConfig);
  const Batch batch = some_samples(run);
  check_gradients(
      run.experiment->learner().module(), {},
      [&](Context& context, std::span<const Var>) { return loss_of(context, run.experiment->learner(), batch); }, false,
      40);
}

TEST_CASE("a tied table gets the gradients of both uses, those of an untied head added up", "[heads][tied]") {
  TestExperiment tied(kConfig), untied(kConfig, {"head.tied=false"});
  const Batch batch = some_samples(tied);
  Parameters& whole = tied.trainer().parameters();
  Parameters& parts = untied.trainer().parameters();
  const std::string table = "encoder.embedding.tokens.weight";
  CHECK(parts.entries().size() == whole.entries().size() + 1);
  for (const auto& entry : parts.entries()) {
    const auto& from = whole.find(entry.name == "head.weight" ? table : entry.name);
    REQUIRE(entry.parameter->value.shape() == from.parameter->value.shape());
    for (Index i = 0; i < entry.size; ++i) entry.parameter->value.set(i, from.parameter->value.at(i));
  }
  const auto gradients = [&](TestExperiment& run, Parameters& parameters) {
    Tape tape;
    Context context(tape, parameters, Rng(1, "run"));
    Tensor flat = parameters.make_flat();
    context.set_gradients(flat);
    context.begin(0, 0);
    tape.backward(loss_of(context, run.experiment->learner(), batch));
    return flat;
  };
  const Tensor of_tied = gradients(tied, whole), of_untied = gradients(untied, parts);
  for (const auto& entry : whole.entries()) {
    INFO(entry.name);
    Tensor sum = parts.view(of_untied, parts.find(entry.name)).clone();
    if (entry.name == table) sum.vec<double>() += parts.view(of_untied, parts.find("head.weight")).vec<double>();
    check_close(whole.view(of_tied, entry), sum, 1e-12);
  }
}

TEST_CASE("a checkpoint holds a tied table once, and goes on from it", "[heads][tied][checkpoint]") {
  TestExperiment run(kConfig), other(kConfig, {"train.seed=2"});
  const TestFolder folder;
  CHECK(run.trainer().run());
  run.trainer().save(folder.path / "step");
  int tables = 0;
  for (const auto& entry : run.trainer().parameters().entries()) tables += entry.parameter->shape == Shape{5, 8};
  CHECK(tables == 1);
  TestExperiment again(kConfig);
  again.trainer().resume(folder.path / "step");
  CHECK(again.trainer().weights_hash() == run.trainer().weights_hash());
  CHECK(again.valid("loss") == run.valid("loss"));
}

TEST_CASE("a tied language model trains, writes and is summed up", "[heads][tied]") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "abcabd ";
  const std::string path = folder.write("t.txt", text).string();
  TestExperiment run("data: {type: text, length: 8, path: " + path +
                     "}\nmodel: {type: decoder, d_model: 8, n_layers: 1, max_length: 8}\nattention: {heads: 2}\n"
                     "head: {tied: true, bias: false}\nlr: 1e-2\ntrain: {steps: 150, batch: 16}\n");
  const double before = run.valid("loss");
  CHECK(run.trainer().run());
  CHECK(run.valid("loss") < 0.7 * before);
  for (const auto& entry : run.trainer().parameters().entries()) CHECK(entry.name.rfind("head.", 0) != 0);
  GenerationOptions five;
  five.tokens = 5;
  const auto texts = write_text(run.experiment->language(), *run.experiment->data().tokenizer, "abc", five);
  CHECK(texts.at(0).size() == 5);
  CHECK(run.experiment->plan().find("embedding") != std::string::npos);
}
