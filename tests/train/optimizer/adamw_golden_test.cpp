// 100 steps of training against PyTorch: tape, linear and tanh together, through AdamW over flat buffers.
#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "data/safetensors.h"
#include "layers/context.h"
#include "tests/support/source_file.h"
#include "train/optimizer/adam.h"

using namespace tempera;

namespace {

const std::array<std::string, 4> kNames{"w1", "b1", "w2", "b2"};

struct Perceptron : Module {
  explicit Perceptron(const SafetensorsFile& file) {
    for (std::size_t i = 0; i < 4; ++i)
      weights[i] = Parameter(file.tensors.at("initial/" + kNames[i]).shape(), Init::zeros());
  }
  void visit(ParameterVisitor& v) override {
    for (std::size_t i = 0; i < 4; ++i) v(kNames[i], weights[i]);
  }
  std::array<Parameter, 4> weights;
};

}  // namespace

TEST_CASE("100 steps of AdamW arrive where PyTorch does", "[goldens][optimizer]") {
  SafetensorsFile file = read_safetensors(source_file("tests/goldens/adamw.safetensors"));
  const Tensor target = file.tensors.at("target"), losses = file.tensors.at("losses");
  Perceptron model(file);
  Parameters parameters(model, DType::float64, Rng(1, "run"));
  for (std::size_t i = 0; i < 4; ++i) model.weights[i].value.copy_from(file.tensors.at("initial/" + kNames[i]));
  AdamWOptions options;
  options.weight_decay = 0.1;
  const auto optimizer = options.make(segments_of(parameters));
  REQUIRE(losses.size() == 100);
  Tape tape;
  Context context(tape, parameters, Rng(1, "run"));
  const Tensor gradients = parameters.make_flat();
  context.set_gradients(gradients);
  double worst_loss = 0;
  for (int t = 1; t <= 100; ++t) {
    context.begin(static_cast<std::uint64_t>(t), 0);
    std::array<Var, 4> w;
    for (std::size_t i = 0; i < 4; ++i) w[i] = context[model.weights[i]];
    const Var hidden = tanh(linear(tape.constant(file.tensors.at("x")), w[0], w[1]));
    const Var squares = square(linear(hidden, w[2], w[3]) - tape.constant(target));
    const double count = static_cast<double>(target.size());
    const double loss = squares.value().vec<double>().sum() / count;
    worst_loss = std::max(worst_loss, std::abs(loss / losses.at(t - 1) - 1));
    tape.backward(squares, Tensor::full(target.shape(), DType::float64, 1 / count));
    optimizer->step(parameters.flat(), gradients, {.step = t, .lr = 1e-2});
  }
  CHECK(worst_loss <= 1e-8);
  CHECK(losses.at(99) < losses.at(0) / 2);
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(kNames[i]);
    const Vector<double> difference =
        model.weights[i].value.vec<double>() - file.tensors.at("final/" + kNames[i]).vec<double>();
    CHECK(difference.abs().maxCoeff() <= 1e-8);
  }
}
