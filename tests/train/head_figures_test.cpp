#include "train/head_figures.h"

#include <cmath>

#include "tests/support/experiment.h"
#include "train/findings.h"

using namespace tempera;

namespace {

const std::string kReverse =
    "data: {type: sequences, longest: 6, symbols: 4, valid: 20}\n"
    "model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 1, max_length: 8}\n"
    "attention: {heads: 2, normalizer: {type: relu}}\n";

NamedValues figures(TestExperiment& run) {
  return head_figures(*run.experiment, *run.experiment->data().valid, 20);
}

Tensor& parameter(TestExperiment& run, const std::string& name) {
  return run.trainer().parameters().find(name).parameter->value;
}

}  // namespace

TEST_CASE("heads are taken away one by one, and put back", "[heads_figures]") {
  TestExperiment run(kReverse, {"attention.normalizer.type=softmax"});
  const Tensor before = run.trainer().parameters().flat().clone();
  const double whole = run.valid("accuracy");
  const NamedValues found = figures(run);
  CHECK(run.trainer().parameters().flat().to_vector() == before.to_vector());
  // What each is worth, by hand.
  Tensor& output = parameter(run, "decoder.blocks.0.cross_attention.output.weight");
  const Tensor kept = output.clone();
  double without = 0;
  for (Index h = 0; h < 2; ++h) {
    for (Index row = 0; row < 8; ++row)
      for (Index c = 0; c < 4; ++c) output.set(row * 8 + h * 4 + c, 0);
    without += run.valid("accuracy") / 2;
    output.copy_from(kept);
  }
  CHECK(*found.find("without_head_accuracy") == Approx(without).epsilon(1e-12));
  // No head is idle.
  CHECK(*found.find("pruned_heads") == 0);
  CHECK(*found.find("without_idle_accuracy") == Approx(whole).epsilon(1e-12));
  CHECK_FALSE(found.find("normalizer_spread"));
}

TEST_CASE("idle heads are pruned, and cost nothing", "[heads_figures]") {
  TestExperiment run(kReverse);
  // Scores of 0 have weights of 0.
  for (const char* part : {"query.weight", "query.bias"})
    parameter(run, std::string("decoder.blocks.0.cross_attention.") + part).fill(0);
  const double whole = run.valid("accuracy");
  const NamedValues found = figures(run);
  CHECK(*found.find("pruned_heads") == 2);
  CHECK(*found.find("without_idle_accuracy") == whole);
  CHECK(std::isnan(*found.find("backward_steps")));  // nobody looked anywhere
}

TEST_CASE("heads that walk never go back", "[heads_figures]") {
  TestExperiment softmax(kReverse, {"attention.normalizer.type=softmax"});
  CHECK(*figures(softmax).find("backward_steps") > 0);
  CHECK(*figures(softmax).find("encoder_zeros") == 0);
  TestExperiment walking(kReverse + "cross_attention: {type: monotonic, heads: 2, offset: 0}\n",
                         {"attention.normalizer.type=entmax", "attention.normalizer.learned=true"});
  const NamedValues found = figures(walking);
  CHECK(*found.find("backward_steps") == 0);
  CHECK(*found.find("encoder_zeros") >= 0);
  parameter(walking, "encoder.blocks.0.attention.normalizer.alpha").set(1, 0.75);
  CHECK(*figures(walking).find("normalizer_spread") == Approx(0.75).epsilon(1e-6));
}

TEST_CASE("an evaluation tells what heads are worth where the configuration asks for it", "[heads_figures]") {
  for (const bool asked : {false, true}) {
    TestExperiment run(kReverse, {asked ? "evaluate.heads=true" : "evaluate.heads=false"});
    const Dataset& valid = *run.experiment->data().valid;
    const Findings found = findings(*run.experiment, valid, run.trainer().evaluate(valid));
    CHECK((found.metrics.find("without_head_accuracy") != nullptr) == asked);
  }
}

TEST_CASE("vectors are written down as symbols", "[tasks]") {
  TestExperiment run(
      "data: {type: speech, symbols: 4, fewest: 1, most: 3, valid: 8}\n"
      "model: {type: encoder_decoder, d_model: 16, n_layers: 1, n_decoder_layers: 1, max_length: 32}\n"
      "attention: {heads: 2}\nlr: 1e-2\ntrain: {steps: 60, batch: 16}\n");
  const double before = run.valid("loss");
  CHECK(run.trainer().run());
  CHECK(run.valid("loss") < 0.7 * before);
  CHECK_THROWS_WITH(run.experiment->language(),
                    "generate: this model reads vectors, which cannot be prompted; its answers are in the report");
}
