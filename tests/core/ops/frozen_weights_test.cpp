#include "core/ops/frozen_weights.h"

#include "core/ops/linear.h"
#include "layers/linear.h"
#include "tests/support/twins.h"

using namespace tempera;

TEST_CASE("frozen weights change no bit of a linear layer", "[linear]") {
  for (const DType dtype : {DType::float32, DType::float64})
    for (const int threads : {1, 3})
      for (const Index rows : {1, 2, 3, 4, 5, 8, 9, 33})
        for (const Index out : {Index{5}, Index{64}, Index{600}}) {
          const Tensor x = random_tensor({rows, 300}, 1, -2, 2, dtype), w = random_tensor({out, 300}, 2, -2, 2, dtype),
                       b = random_tensor({out}, 3, -2, 2, dtype);
          Tape tape(threads);
          const auto run = [&] {
            return linear(tape.constant(x), tape.constant(w), tape.constant(b), Activation::gelu).value();
          };
          const Tensor plain = run();
          tape.workspace<FrozenWeights>().add(w);
          INFO(rows << " rows, " << out << " outputs, " << threads << " threads");
          CHECK(same_bits(run(), plain));
          tape.workspace<FrozenWeights>().clear();
          CHECK(tape.workspace<FrozenWeights>().find(w) == nullptr);
        }
}

TEST_CASE("a frozen weight is laid out once, and what was written to it since is not seen", "[linear]") {
  const Tensor x = random_tensor({2, 6}, 1);
  Tensor w = random_tensor({4, 6}, 2);
  Tape tape;
  tape.workspace<FrozenWeights>().add(w);
  const Tensor before = linear(tape.constant(x), tape.constant(w)).value();
  w.fill(0);  // against the contract
  CHECK(same_bits(linear(tape.constant(x), tape.constant(w)).value(), before));
  CHECK(error_of([&] { tape.workspace<FrozenWeights>().add(random_tensor({4}, 1)); }) ==
        "FrozenWeights: float64 [4] came; a matrix of numbers was wanted");
}

TEST_CASE("a context that trains does not freeze", "[linear][errors]") {
  Linear layer(3, 4);
  const Parameters parameters(layer, DType::float32, Rng(1, "run"));
  Tape tape;
  Context context(tape, parameters, Rng(1, "run"));
  CHECK(error_of([&] { context.freeze(); }) ==
        "Context: a context that trains changes its parameters; freeze one for evaluation");
}
