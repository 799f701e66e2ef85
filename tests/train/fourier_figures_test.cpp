#include "train/fourier_figures.h"

#include <cmath>
#include <numbers>

#include "tests/support/experiment.h"

using namespace tempera;

namespace {

constexpr Index kP = 11;

// Row n is cos(2 pi k n / p) in column 0 and `sine` times the sine in column 1, and a constant in column 2.
Tensor waves(Index k, double sine) {
  Tensor table = Tensor::zeros({kP + 1, 3}, DType::float64);
  for (Index n = 0; n < kP; ++n) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(k * n) / kP;
    table.set(3 * n, std::cos(angle));
    table.set(3 * n + 1, sine * std::sin(angle));
    table.set(3 * n + 2, 7);
  }
  table.set(3 * kP, 99);  // the sign "=" is no number
  return table;
}

const std::string kModular = "data: {type: modular, p: 11, inputs: INPUTS}\ntrain: {steps: 2, batch: 8}\n";

std::string modular(const std::string& inputs, const std::string& model) {
  std::string text = kModular;
  text.replace(text.find("INPUTS"), 6, inputs);
  return text + model;
}

}  // namespace

TEST_CASE("a wave has the power of its frequency alone", "[fourier]") {
  const Index k = GENERATE(1, 3, 5);
  const std::vector<double> shares = fourier_shares(waves(k, GENERATE(0.0, 1.0, -2.0)), kP);
  REQUIRE(shares.size() == 5);
  for (Index i = 1; i <= 5; ++i) CHECK(std::abs(shares[static_cast<std::size_t>(i - 1)] - (i == k ? 1 : 0)) < 1e-12);
}

TEST_CASE("powers of waves add up by their squares", "[fourier]") {
  Tensor sum = waves(2, 0);
  const Tensor other = waves(4, 0);
  for (Index i = 0; i < sum.size(); ++i) sum.set(i, sum.at(i) + 2 * other.at(i));
  const std::vector<double> shares = fourier_shares(sum, kP);
  CHECK(std::abs(shares[1] - 0.2) < 1e-12);
  CHECK(std::abs(shares[3] - 0.8) < 1e-12);
  CHECK(fourier_shares(Tensor::zeros({kP, 2}, DType::float32), kP) == std::vector<double>(5, 0));
  CHECK_THROWS_AS(fourier_shares(Tensor::zeros({kP - 1, 2}, DType::float32), kP), Error);
}

TEST_CASE("the tables that numbers meet first are found", "[fourier]") {
  const std::string transformer =
      "model: {type: encoder, d_model: 8, n_layers: 1, max_length: 3}\nattention: {heads: 2}\n";
  TestExperiment tokens(ConfigText{"tokens.yaml", modular("tokens", transformer)});
  const FourierFigures of_tokens(*tokens.experiment);
  REQUIRE(of_tokens.picture());
  CHECK(of_tokens.picture()->rows == std::vector<std::string>{"numbers"});
  CHECK(of_tokens.picture()->columns.size() == 5);
  CHECK(*of_tokens.metrics().find("fourier_top5") == Approx(1));  // of five frequencies

  TestExperiment one_hot(ConfigText{"one_hot.yaml", modular("one_hot", "model: {type: mlp, hidden: [6]}\n")});
  const FourierFigures figures(*one_hot.experiment);
  REQUIRE(figures.picture());
  CHECK(figures.picture()->rows == std::vector<std::string>{"first number", "second number"});
  // Columns of the second number become a wave.
  Tensor& weight = one_hot.trainer().parameters().find("layers.0.weight").parameter->value;
  const Tensor wave = waves(3, 1);
  for (Index j = 0; j < 6; ++j)
    for (Index n = 0; n < kP; ++n) weight.set(j * 2 * kP + kP + n, wave.at(3 * n + j % 3));
  const LabelledMatrix picture = *figures.picture();
  CHECK(picture.values[5 + 2] == Approx(1));
  CHECK(picture.values[2] < 0.9);

  TestExperiment other(
      ConfigText{"parity.yaml", "data: {type: parity, bits: 6, inputs: numbers}\nmodel: {type: mlp, hidden: [4]}\n"});
  CHECK_FALSE(FourierFigures(*other.experiment).picture());
  CHECK(FourierFigures(*other.experiment).metrics().size() == 0);
}
