#include "attention/normalizers/rela.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

// A normalizer's own end of the attention, with its parameters set.
Tensor finished(const RelaOptions& options, const Tensor& z, const std::vector<std::vector<double>>& values) {
  const auto normalizer = options.make({.heads = 1, .width = z.dim(2), .d_model = 1});
  Parameters parameters(*normalizer, DType::float64, Rng(1, "rela"));
  REQUIRE(parameters.entries().size() == values.size());
  for (std::size_t p = 0; p < values.size(); ++p)
    for (Index i = 0; i < z.dim(2); ++i)
      parameters.entries()[p].parameter->value.set(i, values[p][static_cast<std::size_t>(i)]);
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  return normalizer->finish(context, tape.constant(z), {}).value().clone();
}

}  // namespace

TEST_CASE("rectified linear attention", "[attention][sheets]") {
  check_close(weights_of(*made(RelaOptions()), {1.414214, 0, -0.707107}), f64({3}, {1.414214, 0, 0}));
  RelaOptions gated, plain;
  gated.eps = plain.eps = 1e-30;
  plain.gate = false;
  const Tensor z = f64({1, 1, 2}, {3, 4});
  check_close(finished(gated, z, {{1, 1}, {1, -1}}), f64({1, 1, 2}, {0.808286, 0.020349}), 2e-6);
  check_close(finished(plain, z, {{1, 1}}), f64({1, 1, 2}, {0.848528, 1.131371}), 1e-6);
  // Without a gate's weight half of the norm passes; its mean square is 1; zeros stay zeros.
  check_close(finished(gated, z, {{1, 1}, {0, 0}}), f64({1, 1, 2}, {0.848528 / 2, 1.131371 / 2}), 1e-6);
  CHECK(finished(plain, random_tensor({1, 1, 32}, 3), {std::vector<double>(32, 1.)}).vec<double>().square().mean() ==
        Approx(1).epsilon(1e-12));
  check_close(finished(RelaOptions(), f64({1, 1, 2}, {0, 0}), {{1, 1}, {1, -1}}), f64({1, 1, 2}, {0, 0}));
}

TEST_CASE("rectified attention without a gate does not know the size of its weights", "[attention][sheets]") {
  RelaOptions plain;
  plain.gate = false;
  plain.eps = 1e-30;
  const Tensor z = random_tensor({1, 3, 8}, 3);
  Tensor scaled = z.clone();
  scaled.vec<double>() *= 7;
  const std::vector<double> ones(8, 1.);
  check_close(finished(plain, scaled, {ones}), finished(plain, z, {ones}));
}

TEST_CASE("rows of zeros have finite gradients through the norm", "[attention][sheets]") {
  const auto normalizer = made(RelaOptions(), 1, 4);
  const Parameters parameters(*normalizer, DType::float32, Rng(1, "rela"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Var z = tape.leaf(Tensor::zeros({1, 2, 4}, DType::float32));
  const Var y = normalizer->finish(context, z, {});
  tape.backward(y, Tensor::full(y.shape(), DType::float32, 1));
  CHECK(tape.grad(z).vec<float>().isFinite().all());
}
