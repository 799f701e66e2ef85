#include "core/ops/unfold.h"

#include "tests/support/movement.h"

using namespace tempera;

namespace {

void check_unfold(const Shape& from, int axis, Index window, Index step) {
  INFO("axis " << axis << ", window " << window << ", step " << step);
  const Index count = (from[axis] - window) / step + 1;
  check_movement([&](const Var& x) { return unfold(x, axis, window, step); }, from,
                 from.with(axis, count).inserted(from.rank(), window),
                 [&](Position p) {
                   auto& at = p[static_cast<std::size_t>(axis)];
                   at = at * step + p[static_cast<std::size_t>(from.rank())];
                   return element_at(from, p);
                 });
}

}  // namespace

TEST_CASE("unfold agrees with its definition", "[ops][unfold]") {
  const Rng rng(3, "windows");
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4), axis = static_cast<int>(seed / 4) % rank;
    Shape from = random_shape(rank, seed, 17);
    if (from[axis] == 0) from.set(axis, 5);
    const auto extent = static_cast<std::uint64_t>(from[axis]);
    check_unfold(from, axis, 1 + static_cast<Index>(rng.below(2 * seed, extent)),
                 1 + static_cast<Index>(rng.below(2 * seed + 1, 6)));
  }
  check_unfold({40, 500, 3}, 1, 7, 2);
  check_unfold({20000}, 0, 5, 1);
}

TEST_CASE("unfold says what is wrong", "[ops][unfold][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 5}, DType::float32));
  const Var full = tape.constant(Tensor::zeros({1, 1, 1, 1, 1}, DType::float32));
  const std::string rule = " came for axis 1 of shape [2, 5]; 1 <= window <= 5 and step >= 1 were wanted";
  CHECK(error_of([&] { unfold(x, 1, 6); }) == "unfold: windows of 6 in steps of 1" + rule);
  CHECK(error_of([&] { unfold(x, 1, 0); }) == "unfold: windows of 0 in steps of 1" + rule);
  CHECK(error_of([&] { unfold(x, 1, 2, 0); }) == "unfold: windows of 2 in steps of 0" + rule);
  CHECK(error_of([&] { unfold(full, 0, 1); }) ==
        "unfold: shape [1, 1, 1, 1, 1] has rank 5 already, the most there is; reshape it");
  CHECK(error_of([&] { unfold(x, 2, 1); }) == "unfold: axis 2 is outside [-2, 2) of shape [2, 5]");
}
