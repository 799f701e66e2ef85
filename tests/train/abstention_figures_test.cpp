#include "train/abstention_figures.h"

#include <cmath>

#include "losses/metrics.h"
#include "tests/support/experiment.h"
#include "train/findings.h"

using namespace tempera;

namespace {

const std::string kRecall =
    "data: {type: pair_recall, pairs: 3, keys: 6, values: 4, unanswerable: 0.5, valid: 10, test: 60}\n"
    "model: {type: encoder, d_model: 8, n_layers: 1, pooling: last, positions: none}\n"
    "attention: {heads: 2}\n";

NamedValues figures(TestExperiment& run) {
  return abstention_figures(*run.experiment, *run.experiment->data().test, 60);
}

Tensor& parameter(TestExperiment& run, const std::string& name) {
  return run.trainer().parameters().find(name).parameter->value;
}

}  // namespace

TEST_CASE("the area under a ROC curve", "[metrics]") {
  const std::vector<double> low{1, 2, 3}, high{4, 5}, mixed{2, 0, 9};
  CHECK(area_under_roc(low, high) == 1);
  CHECK(area_under_roc(high, low) == 0);
  CHECK(area_under_roc(low, low) == 0.5);
  CHECK(area_under_roc(low, mixed) == Approx((1.5 + 0 + 3) / 9));
  CHECK(std::isnan(area_under_roc(low, {})));
}

TEST_CASE("doubts are measured over questions with and without an answer", "[abstention]") {
  TestExperiment run(kRecall);
  // Scores of zero: half of the mass is evidence, whatever is asked, and weights are even.
  for (const char* name : {"query.weight", "query.bias"})
    parameter(run, std::string("blocks.0.attention.") + name).fill(0);
  for (const char* name : {"head.weight", "head.bias"}) parameter(run, name).fill(0);
  const NamedValues even = figures(run);
  for (const char* name : {"vacuity_auroc", "entropy_auroc", "doubt_auroc"}) CHECK(*even.find(name) == 0.5);
  CHECK(*even.find("vacuity_gain") == 0);
  CHECK(*even.find("confident_errors") == 0);
  // A sure answer to everything, and nothing to abstain by.
  parameter(run, "head.bias").set(2, 9);
  const NamedValues sure = figures(run);
  CHECK(*sure.find("confident_errors") == 1);
  CHECK(*sure.find("confident_errors_left") == 1);
}

TEST_CASE("little evidence tells questions without an answer", "[abstention]") {
  TestExperiment run(kRecall, {"model.d_model=16"});
  // Rows of 6 keys, 4 values, 6 questions. The first head scores a question high with the pair that has its key, and
  // low with all others; the other head knows nothing.
  for (const auto& entry : run.trainer().parameters().entries())
    if (entry.name.find("norm") == entry.name.npos) entry.parameter->value.fill(0);
  Tensor& embed = parameter(run, "embedding.features.weight");
  Tensor& query = parameter(run, "blocks.0.attention.query.weight");
  Tensor& key = parameter(run, "blocks.0.attention.key.weight");
  for (Index k = 0; k < 6; ++k) {
    embed.set(k * 16 + k, 1);
    embed.set((8 + k) * 16 + 10 + k, 1);
    query.set(k * 16 + 8 + k, 4);
    key.set(k * 16 + k, 4);
  }
  const NamedValues found = figures(run);
  CHECK(*found.find("vacuity_auroc") == 1);
  CHECK(*found.find("vacuity_gain") == 1 - *found.find("entropy_auroc"));
}

TEST_CASE("an evaluation tells doubts where the configuration asks for them", "[abstention]") {
  for (const bool asked : {false, true}) {
    TestExperiment run(kRecall, {asked ? "evaluate.abstention=true" : "evaluate.abstention=false"});
    const Dataset& test = *run.experiment->data().test;
    const Findings found = findings(*run.experiment, test, run.trainer().evaluate(test));
    CHECK((found.metrics.find("vacuity_auroc") != nullptr) == asked);
  }
  // Numbers have no classes to be sure of.
  TestExperiment other(
      "data: {type: parity, bits: 4, relevant: 2}\nmodel: {type: encoder, d_model: 8, n_layers: 1}\n"
      "attention: {heads: 2}\nhead: {type: binary_cross_entropy}\n");
  CHECK(abstention_figures(*other.experiment, *other.experiment->data().test, 4).empty());
}
