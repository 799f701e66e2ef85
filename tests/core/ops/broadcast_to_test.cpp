#include "core/ops/broadcast_to.h"

#include "tests/support/movement.h"

using namespace tempera;

namespace {

void check_broadcast(const Shape& from, const Shape& to) {
  check_movement([&](const Var& x) { return broadcast_to(x, to); }, from, to,
                 [&](const Position& p) {
                   Position q{};
                   for (int k = 0; k < from.rank(); ++k) {
                     const auto at = static_cast<std::size_t>(k + to.rank() - from.rank());
                     q[static_cast<std::size_t>(k)] = from[k] == 1 ? 0 : p[at];
                   }
                   return element_at(from, q);
                 });
}

}  // namespace

TEST_CASE("broadcast_to agrees with its definition", "[ops][broadcast_to]") {
  const Rng rng(4, "ones");
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const int rank = static_cast<int>(seed % 6);
    const Shape to = random_shape(rank, seed, 7);
    Shape from = to;
    for (int k = 0; k < rank; ++k)
      if (rng.below(8 * seed + static_cast<std::uint64_t>(k), 2) == 0) from.set(k, 1);
    for (auto drop = rng.below(8 * seed + 7, 3); drop > 0 && from.rank() > 0; --drop) from = from.without(0);
    check_broadcast(from, to);
  }
  check_broadcast({300}, {200, 300});
  check_broadcast({200, 1}, {200, 300});
  check_broadcast({20, 1, 30}, {20, 100, 30});
  check_broadcast({}, {60000});
}

TEST_CASE("repeat and tile agree with their definitions", "[ops][broadcast_to]") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4), axis = static_cast<int>(seed / 4) % rank;
    const Shape from = random_shape(rank, seed, 7);
    const auto axis_at = static_cast<std::size_t>(axis);
    const Index times = static_cast<Index>(seed % 5), extent = from[axis];
    check_movement([&](const Var& x) { return repeat(x, times, axis); }, from, from.with(axis, extent * times),
                   [&](Position p) {
                     p[axis_at] /= times;
                     return element_at(from, p);
                   });
    check_movement([&](const Var& x) { return tile(x, times, axis); }, from, from.with(axis, extent * times),
                   [&](Position p) {
                     p[axis_at] %= extent;
                     return element_at(from, p);
                   });
  }
}

TEST_CASE("the gradient of a long broadcast is exact to an ulp in float32", "[ops][broadcast_to]") {
  // 0.1f added one by one in float32 drifts by thousands of ulps.
  constexpr Index kRows = 1 << 17;
  Tape tape;
  const Var x = tape.leaf(Tensor::zeros({3}, DType::float32));
  tape.backward(broadcast_to(x, {kRows, 3}), Tensor::full({kRows, 3}, DType::float32, 0.1));
  const double wanted = static_cast<double>(kRows) * static_cast<double>(0.1F);
  CHECK(tape.grad(x).at(1) == Approx(wanted).epsilon(1.2e-7));
}

TEST_CASE("broadcast_to, repeat and tile say what is wrong", "[ops][broadcast_to][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  CHECK(
      error_of([&] {
        broadcast_to(x, {4, 3});
      }) ==
      "broadcast_to: [2, 3] does not broadcast to [4, 3]; axes line up from the back, and each extent must agree or be "
      "1");
  CHECK(
      error_of([&] { broadcast_to(x, {3}); }) ==
      "broadcast_to: [2, 3] does not broadcast to [3]; axes line up from the back, and each extent must agree or be 1");
  CHECK(error_of([&] { repeat(x, -1, 0); }) == "repeat: -1 times came; 0 or more was wanted");
  CHECK(error_of([&] { tile(x, 1, 2); }) == "tile: axis 2 is outside [-2, 2) of shape [2, 3]");
}
