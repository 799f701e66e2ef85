// 100 steps of training against PyTorch: tape, linear and tanh together, through AdamW as the paper writes it.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "data/safetensors.h"

using namespace tempera;

namespace {

// w <- w - lr (weight_decay w + mhat / (sqrt(vhat) + eps))          (Loshchilov & Hutter 2019)
struct AdamW {
  double lr = 1e-2, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.1;
  Vector<double> m, v;

  void step(Eigen::Map<Vector<double>> w, const Vector<double>& g, int t) {
    if (t == 1) m = v = Vector<double>::Zero(w.size());
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g.square();
    const Vector<double> mhat = m / (1 - std::pow(beta1, t)), vhat = v / (1 - std::pow(beta2, t));
    w -= lr * (weight_decay * w + mhat / (vhat.sqrt() + eps));
  }
};

}  // namespace

TEST_CASE("100 steps of AdamW arrive where PyTorch does", "[goldens]") {
  SafetensorsFile file = read_safetensors(TEMPERA_SOURCE_DIR "/tests/goldens/adamw.safetensors");
  const Tensor target = file.tensors.at("target"), losses = file.tensors.at("losses");
  const std::array<std::string, 4> names{"w1", "b1", "w2", "b2"};
  std::array<Tensor, 4> weights, grads;
  std::array<AdamW, 4> optimizers;
  for (std::size_t i = 0; i < 4; ++i) {
    weights[i] = file.tensors.at("initial/" + names[i]).clone();
    grads[i] = Tensor::zeros(weights[i].shape(), DType::float64);
  }
  REQUIRE(losses.size() == 100);
  Tape tape;
  double worst_loss = 0;
  for (int t = 1; t <= 100; ++t) {
    tape.reset();
    std::array<Var, 4> w;
    for (std::size_t i = 0; i < 4; ++i) w[i] = tape.parameter(weights[i], grads[i]);
    const Var hidden = tanh(linear(tape.constant(file.tensors.at("x")), w[0], w[1]));
    const Var squares = square(linear(hidden, w[2], w[3]) - tape.constant(target));
    const double count = static_cast<double>(target.size());
    const double loss = squares.value().vec<double>().sum() / count;
    worst_loss = std::max(worst_loss, std::abs(loss / losses.at(t - 1) - 1));
    tape.backward(squares, Tensor::full(target.shape(), DType::float64, 1 / count));
    for (std::size_t i = 0; i < 4; ++i) optimizers[i].step(weights[i].vec<double>(), grads[i].vec<double>(), t);
  }
  CHECK(worst_loss <= 1e-8);
  CHECK(losses.at(99) < losses.at(0) / 2);
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(names[i]);
    const Vector<double> difference = weights[i].vec<double>() - file.tensors.at("final/" + names[i]).vec<double>();
    CHECK(difference.abs().maxCoeff() <= 1e-8);
  }
}
