// Worked numbers of the standard transformer block (Turner 2023, An Introduction to Transformers, arXiv 2304.10557).
// Layer norm, cross-entropy and attention have theirs beside their own tests.
#include "core/activation.h"
#include "core/pointwise.h"
#include "layers/positions.h"
#include "tests/support/modules.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

double activated(Activation activation, double x) {
  Tape tape;
  const Var in = tape.constant(f64({1}, {x}));
  return tempera::visit(activation, [&](auto f) { return pointwise(f, in); }).value().at(0);
}

}  // namespace

TEST_CASE("GELU, exact and by the hyperbolic tangent", "[layers][sheets]") {
  for (const auto& [x, exact, tanh] :
       {std::tuple{1., 0.841345, 0.841192}, {-1., -0.158655, -0.158808}, {2., 1.954500, 1.954598}}) {
    CHECK(activated(Activation::gelu, x) == Approx(exact).epsilon(2e-6));
    CHECK(activated(Activation::gelu_tanh, x) == Approx(tanh).epsilon(2e-6));
  }
}

TEST_CASE("sinusoids at position 3", "[layers][sheets]") {
  Positions positions("sinusoidal", 6, 4);
  const Parameters parameters(positions, DType::float64, Rng(1, "test"));
  Tape tape;
  Context context(tape, parameters);
  context.begin(0, 0);
  const Tensor y = positions.forward(context, tape.constant(Tensor::zeros({1, 1, 4}, DType::float64)), 3).value();
  check_close(y.reshaped({4}), f64({4}, {0.141120, -0.989992, 0.029996, 0.999550}), 1e-6);
}
