#include "train/outlier_figures.h"

#include "tests/support/experiment.h"
#include "train/findings.h"

using namespace tempera;

namespace {

const ConfigText kReverse{
    "reverse.yaml",
    "data: {type: sequences, longest: 6, symbols: 4, valid: 20}\n"
    "model: {type: encoder_decoder, d_model: 8, n_layers: 2, n_decoder_layers: 1, max_length: 8}\n"
    "attention: {heads: 2, normalizer: {type: relu}}\n"};

double figure(TestExperiment& run, std::string_view name) {
  const NamedValues found = outlier_figures(*run.experiment, *run.experiment->data().valid);
  INFO(name);
  REQUIRE(found.find(name));
  return *found.find(name);
}

void fill(TestExperiment& run, const std::string& name, double value) {
  run.trainer().parameters().find(name).parameter->value.fill(value);
}

}  // namespace

TEST_CASE("weights, activations and attention that stand out are told", "[outliers]") {
  TestExperiment run(kReverse);
  const double before = figure(run, "weight_ratio");
  CHECK(before > 1);
  CHECK(before < 5);
  // One entry of one matrix.
  Tensor& down = run.trainer().parameters().find("encoder.blocks.0.mlp.down.weight").parameter->value;
  const double kept = down.at(37);
  down.set(37, 1000);
  CHECK(figure(run, "weight_ratio") > 5);
  CHECK(figure(run, "activation_ratio") > 3);
  down.set(37, kept);
  CHECK(figure(run, "weight_ratio") == before);
  // No activation of so few entries exceeds their mean a thousand times.
  CHECK(figure(run, "outlier_tokens") == 0);
  CHECK(figure(run, "activation_median") >= figure(run, "activation_ratio"));
}

TEST_CASE("heads that weigh nothing are idle", "[outliers]") {
  TestExperiment run(kReverse);
  const double before = figure(run, "idle_heads");
  for (const char* part : {"encoder.blocks.1.attention.", "decoder.blocks.0.cross_attention."}) {
    fill(run, std::string(part) + "query.weight", 0);  // scores of 0 have weights of 0
    fill(run, std::string(part) + "query.bias", 0);
  }
  CHECK(figure(run, "idle_heads") >= 4);
  CHECK(figure(run, "idle_heads") <= before + 4);
  TestExperiment softmax(kReverse, {"attention.normalizer.type=softmax"});
  CHECK(figure(softmax, "idle_heads") == 0);
  CHECK(figure(softmax, "sink_share") > 0);
}

TEST_CASE("an evaluation tells outliers where the configuration asks for them", "[outliers]") {
  for (const bool asked : {false, true}) {
    TestExperiment run(kReverse, {asked ? "evaluate.outliers=true" : "evaluate.outliers=false"});
    const Dataset& valid = *run.experiment->data().valid;
    const Findings found = findings(*run.experiment, valid, run.trainer().evaluate(valid));
    CHECK((found.metrics.find("sink_share") != nullptr) == asked);
  }
}
