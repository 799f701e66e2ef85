#include "train/attention_figures.h"

#include <cmath>

#include "tests/support/experiment.h"

using namespace tempera;

namespace {

Tensor weights(std::vector<double> rows, Index n) {
  return Tensor::from<double>({1, 1, static_cast<Index>(rows.size()) / n, n}, rows);
}

}  // namespace

TEST_CASE("rows of weights have their entropy and their top weight", "[attention][figures]") {
  AttentionFigures f;
  CHECK(std::isnan(f.entropy()));
  f.add(weights({0.25, 0.25, 0.25, 0.25, 0, 1, 0, 0}, 4), false);
  CHECK(f.rows() == 2);
  CHECK(f.entropy() == Approx(std::log(4) / 2));
  CHECK(f.evenness() == Approx(0.5));
  CHECK(f.top_weight() == Approx(0.625));
  CHECK(f.zeros() == Approx(3. / 8));
  SECTION("a row without weight counts nowhere, and sums and signs do not matter") {
    f.add(weights({0, 0, 0, 0, 3, -3, 3, 3}, 4), false);
    CHECK(f.rows() == 3);
    CHECK(f.entropy() == Approx(std::log(4) * 2 / 3));
    CHECK(f.top_weight() == Approx((1.25 + 0.25) / 3));
    CHECK(f.zeros() == Approx(7. / 16));
  }
  SECTION("in a causal attention row i sees i + 1 keys, and row 0 has no choice") {
    AttentionFigures causal;
    causal.add(weights({1, 0, 0, 0.5, 0.5, 0, 0.5, 0, 0.5}, 3), true);
    CHECK(causal.rows() == 2);
    CHECK(causal.zeros() == Approx(1. / 5));
    CHECK(causal.evenness() == Approx((1 + std::log(2) / std::log(3)) / 2));
  }
  SECTION("one row of each head") {
    AttentionFigures one;
    one.add_row(weights({0, 1, 0.5, 0.5}, 2), false, 1);
    CHECK(one.rows() == 1);
    CHECK(one.top_weight() == 0.5);
  }
}

TEST_CASE("figures are those of the rows that a model reads", "[attention][figures]") {
  const std::string yaml =
      "data: {type: set_max, shortest: 2, longest: 6, valid: 4}\n"
      "model: {type: encoder, d_model: 8, n_layers: 1, positions: none}\n"
      "attention: {heads: 2}\n";
  for (const std::string pooling : {"mean", "cls", "last"}) {
    TestExperiment test(yaml, {"model.pooling=" + pooling});
    // With a query of zeros every weight is 1 / n, whatever the sample.
    for (const auto& entry : test.trainer().parameters().entries())
      if (entry.name.find("query") != std::string::npos) entry.parameter->value.fill(0);
    const Dataset& set = *test.experiment->data().valid;
    const NamedValues found = attention_figures(*test.experiment, set);
    REQUIRE(found.size() == 4);
    CHECK(found[1].name == "attention_evenness");
    CHECK(found[1].value == Approx(1).epsilon(1e-5));
    Batch batch;
    std::vector<std::int64_t> ids{0, 1, 2, 3};
    set.fill(ids, batch);
    double top = 0, rows = 0;
    for (Index i = 0; i < 4; ++i) {
      const double n = batch.lengths.at(i) + (pooling == "cls" ? 1 : 0), weight = pooling == "mean" ? n : 1;
      top += weight / n;
      rows += weight;
    }
    CHECK(found[2].value == Approx(top / rows).epsilon(1e-5));
  }
}

TEST_CASE("models without attention have no figures", "[attention][figures]") {
  TestExperiment test("data: {type: latent_classes, train: 40, valid: 4}\nmodel: {type: mlp}\n");
  CHECK(attention_figures(*test.experiment, *test.experiment->data().valid).empty());
}
