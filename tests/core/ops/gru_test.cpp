#include "core/ops/gru.h"

#include "tests/support/twins.h"

using namespace tempera;

namespace {

// The definition, sample by sample and unit by unit.
Tensor reference(const Tensor& gates, const Tensor& weight, const Tensor& bias, const Tensor& start) {
  const Index samples = gates.dim(0), steps = gates.dim(1), width = weight.dim(1);
  Tensor y = Tensor::empty({samples, steps, width}, DType::float64);
  const auto sigma = [](double v) { return 1 / (1 + std::exp(-v)); };
  for (Index b = 0; b < samples; ++b)
    for (Index t = 0; t < steps; ++t)
      for (Index j = 0; j < width; ++j) {
        const auto before = [&](Index k) {
          return t == 0 ? start.at(b * width + k) : y.at((b * steps + t - 1) * width + k);
        };
        const auto a = [&](Index gate) { return gates.at((b * steps + t) * 3 * width + gate * width + j); };
        const auto c = [&](Index gate) {
          double sum = bias.at(gate * width + j);
          for (Index k = 0; k < width; ++k) sum += weight.at((gate * width + j) * width + k) * before(k);
          return sum;
        };
        const double r = sigma(a(0) + c(0)), z = sigma(a(1) + c(1)), n = std::tanh(a(2) + r * c(2));
        y.set((b * steps + t) * width + j, (1 - z) * n + z * before(j));
      }
  return y;
}

Var call(std::span<const Var> x) {
  return gru(x[0], x[1], x[2], x[3]);
}

}  // namespace

TEST_CASE("gru is the definition", "[gru]") {
  for (const Index samples : {0, 1, 3, 11})
    for (const Index steps : {0, 1, 5})
      for (const Index width : {1, 3, 16, 19}) {
        const Tensor gates = random_tensor({samples, steps, 3 * width}, 1), start = random_tensor({samples, width}, 2);
        const Tensor weight = random_tensor({3 * width, width}, 3, -0.5, 0.5), bias = random_tensor({3 * width}, 4);
        const Tensor wanted = reference(gates, weight, bias, start);
        CAPTURE(samples, steps, width);
        const Played played = play(call, {gates, weight, bias, start});
        check_close(played.y, wanted);
        // Without steps the start has no influence, and the weights none without samples.
        if (wanted.size() == 0) {
          for (const Tensor& dx : played.dx)
            for (const double g : dx.to_vector()) REQUIRE(g == 0);
        }
        const Tensor zeros = Tensor::zeros(start.shape(), DType::float64);
        Tape tape;
        check_close(gru(tape.constant(gates), tape.constant(weight)).value(),
                    reference(gates, weight, Tensor::zeros({3 * width}, DType::float64), zeros));
      }
}

TEST_CASE("gru saturates without overflow", "[gru]") {
  // z = 0 and n = 1; then z = 1: the state stays.
  const Tensor gates = f64({1, 2, 3}, {1e4, -1e4, 1e4, -1e4, 1e4, -1e4});
  const Played played = play(call, {gates, f64({3, 1}, {0, 0, 0}), f64({3}, {0, 0, 0}), f64({1, 1}, {0.5})});
  check_close(played.y, f64({1, 2, 1}, {1, 1}));
  check_close(played.dx[0], Tensor::zeros({1, 2, 3}, DType::float64));
  check_close(played.dx[3], f64({1, 1}, {0}));
}

TEST_CASE("gru gives the same bits on any number of threads", "[gru]") {
  const std::vector<Tensor> inputs{
      random_tensor({37, 6, 99}, 1, -2, 2, DType::float32), random_tensor({99, 33}, 2, -0.3, 0.3, DType::float32),
      random_tensor({99}, 3, -1, 1, DType::float32), random_tensor({37, 33}, 4, -1, 1, DType::float32)};
  const Played one = play(call, inputs);
  for (const int threads : {2, 3, 4}) {
    const Played many = play(call, inputs, {}, threads);
    CHECK(same_bits(many.y, one.y));
    for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(same_bits(many.dx[i], one.dx[i]));
  }
}

TEST_CASE("gru refuses what does not fit", "[gru][errors]") {
  Tape tape;
  const auto zeros = [&](const Shape& shape, DType dtype = DType::float64) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  CHECK(error_of([&] { gru(zeros({1, 2, 6}), zeros({5, 2})); }) == "gru: the weight is [5, 2]; [3 D, D] was wanted");
  CHECK(error_of([&] {
          gru(zeros({1, 2, 5}), zeros({6, 2}));
        }) == "gru: the gates are [1, 2, 5], but the weight [6, 2]; [B, N, 6] was wanted");
  CHECK(error_of([&] {
          gru(zeros({1, 2, 6}, DType::float32), zeros({6, 2}));
        }) == "gru: the gates are float32, but the weight float64; convert one of them");
  CHECK(error_of([&] {
          gru(zeros({1, 2, 6}, DType::int32), zeros({6, 2}));
        }) == "gru: gates is int32 [1, 2, 6]; float32 or float64 was wanted; convert it with Tensor::to");
  CHECK(error_of([&] {
          gru(zeros({1, 2, 6}), zeros({6, 2}), zeros({5}));
        }) == "gru: the bias is float64 [5], but x is float64 [1, 2, 6]; float64 [6] was wanted");
  CHECK(error_of([&] {
          gru(zeros({1, 2, 6}), zeros({6, 2}), {}, zeros({2, 2}));
        }) == "gru: the start is float64 [2, 2]; float64 [1, 2] was wanted");
}
