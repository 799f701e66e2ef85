#include "core/ops/concat.h"

#include "tests/support/movement.h"

using namespace tempera;

TEST_CASE("concat and stack agree with their definitions", "[ops][concat]") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4), axis = static_cast<int>(seed / 4) % rank;
    const Shape from = random_shape(rank, seed, 7);
    const Index extent = from[axis];
    // x, then x again: each element of x is read twice.
    check_movement(
        [&](const Var& x) {
          return concat({x, x}, axis);
        },
        from, from.with(axis, 2 * extent),
        [&](Position p) {
          auto& at = p[static_cast<std::size_t>(axis)];
          if (at >= extent) at -= extent;
          return element_at(from, p);
        },
        0, Sums::tape);
    check_movement(
        [&](const Var& x) {
          return stack({x, x, x}, axis);
        },
        from, from.inserted(axis, 3),
        [&](Position p) {
          std::copy(p.begin() + axis + 1, p.end(), p.begin() + axis);
          return element_at(from, p);
        },
        0, Sums::tape);
  }
}

TEST_CASE("concat keeps the order of inputs of different widths", "[ops][concat]") {
  for (const int threads : {1, 4}) {
    Tape tape(threads);
    const Var a = tape.leaf(random_tensor({300, 7}, DType::float32, "a"));
    const Var b = tape.leaf(random_tensor({300, 64}, DType::float32, "b"));
    const Var empty = tape.leaf(random_tensor({300, 0}, DType::float32, "empty"));
    const Var frozen = tape.constant(random_tensor({300, 2}, DType::float32, "frozen"));
    const Var y = concat({a, empty, frozen, b}, -1);
    REQUIRE(y.shape() == Shape{300, 73});
    const Tensor dy = random_tensor(y.shape(), DType::float32, "dy");
    tape.backward(y, dy);
    bool right = true;
    for (Index r = 0; r < 300; ++r)
      for (Index c = 0; c < 73; ++c) {
        const double value = y.value().at(r * 73 + c), g = dy.at(r * 73 + c);
        if (c < 7) right = right && value == a.value().at(r * 7 + c) && g == tape.grad(a).at(r * 7 + c);
        else if (c < 9) right = right && value == frozen.value().at(r * 2 + c - 7);
        else right = right && value == b.value().at(r * 64 + c - 9) && g == tape.grad(b).at(r * 64 + c - 9);
      }
    CHECK(right);
  }
}

TEST_CASE("along the first axis the gradients share the buffer of dy", "[ops][concat]") {
  Tape tape;
  const Var a = tape.leaf(random_tensor({2, 3}, DType::float32, "a"));
  const Var b = tape.leaf(random_tensor({4, 3}, DType::float32, "b"));
  const Tensor dy = random_tensor({6, 3}, DType::float32, "dy");
  tape.backward(concat({a, b}, 0), dy);
  CHECK(tape.grad(a).shares_buffer(dy));
  CHECK(same_bits(tape.grad(b), dy.rows(2, 4)));
}

TEST_CASE("concat and stack say what is wrong", "[ops][concat][errors]") {
  Tape tape;
  const auto make = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const Var a = make({2, 3}), b = make({4, 3}), wide = make({2, 3}, DType::float64), deep = make({1, 1, 1, 1, 1});
  CHECK(error_of([&] {
          concat({a, b}, 1);
        }) == "concat: input 0 is [2, 3], but input 1 is [4, 3]; only axis 1 may differ");
  CHECK(error_of([&] {
          concat({a, make({2})}, 1);
        }) == "concat: input 0 is [2, 3], but input 1 is [2]; only axis 1 may differ");
  CHECK(error_of([&] {
          concat({a, wide}, 1);
        }) == "concat: input 0 is float32, but input 1 is float64; convert one of them");
  CHECK(error_of([&] { concat(std::span<const Var>(), 0); }) == "concat: no input came; at least one was wanted");
  CHECK(error_of([&] { concat({a, a}, 2); }) == "concat: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { stack({a, b}, 0); }) == "stack: input 0 is [2, 3], but input 1 is [4, 3]; one shape was wanted");
  CHECK(error_of([&] { stack({a, a}, 3); }) == "stack: axis 3 is outside [-3, 2] for inputs of shape [2, 3]");
  CHECK(error_of([&] { stack({deep}, 0); }) ==
        "stack: inputs of shape [1, 1, 1, 1, 1] have rank 5 already, the most there is");
}
