#include "core/ops/roll.h"

#include "tests/support/movement.h"

using namespace tempera;

TEST_CASE("roll and flip agree with their definitions", "[ops][roll]") {
  const auto check = [](const Shape& from, int axis, Index shift) {
    const Index extent = from[axis];
    const auto axis_at = static_cast<std::size_t>(axis);
    check_movement([&](const Var& x) { return roll(x, shift, axis); }, from, from,
                   [&](Position p) {
                     p[axis_at] = ((p[axis_at] - shift) % extent + extent) % extent;
                     return element_at(from, p);
                   });
    check_movement([&](const Var& x) { return flip(x, axis); }, from, from,
                   [&](Position p) {
                     p[axis_at] = extent - 1 - p[axis_at];
                     return element_at(from, p);
                   });
  };
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4);
    check(random_shape(rank, seed), static_cast<int>(seed / 4) % rank, static_cast<Index>(seed % 23) - 11);
  }
  check({40, 50, 30}, 1, 7);
  check({60000}, 0, -7);
}

TEST_CASE("a roll and its opposite, and two flips, give back every bit", "[ops][roll]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({3, 7, 5}, DType::float32, "x"));
  CHECK(same_bits(roll(roll(x, 3, 1), -3, 1).value(), x.value()));
  CHECK(same_bits(flip(flip(x, 1), 1).value(), x.value()));
}

TEST_CASE("roll and flip say what is wrong", "[ops][roll][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  CHECK(error_of([&] { roll(x, 1, 2); }) == "roll: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { flip(x, -3); }) == "flip: axis -3 is outside [-2, 2) of shape [2, 3]");
}
