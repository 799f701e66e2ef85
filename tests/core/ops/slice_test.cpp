#include "core/ops/slice.h"

#include "core/ops/concat.h"
#include "tests/support/movement.h"

using namespace tempera;

namespace {

void check_slice(const Shape& from, int axis, Index first, Index count, Index step) {
  INFO("axis " << axis << ", first " << first << ", count " << count << ", step " << step);
  check_movement([&](const Var& x) { return slice(x, axis, first, count, step); }, from, from.with(axis, count),
                 [&](Position p) {
                   auto& at = p[static_cast<std::size_t>(axis)];
                   at = first + at * step;
                   return element_at(from, p);
                 });
}

}  // namespace

TEST_CASE("slice agrees with its definition", "[ops][slice]") {
  const Rng rng(5, "slices");
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const int rank = 1 + static_cast<int>(seed % 4);
    const Shape from = random_shape(rank, seed);
    const int axis = static_cast<int>(rng.below(4 * seed, static_cast<std::uint64_t>(rank)));
    const auto extent = static_cast<std::uint64_t>(from[axis]);
    const auto first = rng.below(4 * seed + 1, extent + 1), step = 1 + rng.below(4 * seed + 2, 4);
    const auto count = rng.below(4 * seed + 3, (extent - first + step - 1) / step + 1);
    check_slice(from, axis, static_cast<Index>(first), static_cast<Index>(count), static_cast<Index>(step));
  }
  check_slice({40, 50, 30}, 1, 3, 40, 1);
  check_slice({50, 40, 30}, 0, 1, 40, 1);
}

TEST_CASE("a slice of the first axis shares the buffer", "[ops][slice]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({7, 3}, DType::float32, "x"));
  CHECK(narrow(x, 0, 0, 4).value().shares_buffer(x.value()));
  CHECK_FALSE(slice(x, 0, 0, 4, 2).value().shares_buffer(x.value()));
}

TEST_CASE("split and chunk cut, concat mends", "[ops][slice]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({3, 12, 2}, DType::float32, "x"));
  const std::vector<Var> parts = split(x, {5, 0, 7}, 1);
  REQUIRE(parts.size() == 3);
  CHECK(parts[1].shape() == Shape{3, 0, 2});
  CHECK(same_bits(concat(parts, 1).value(), x.value()));
  const auto [q, k, v] = chunk<3>(x, 1);
  CHECK(same_bits(concat({q, k, v}, 1).value(), x.value()));
  const Tensor dy = random_tensor(x.shape(), DType::float32, "dy");
  const Var mended = concat({q, k, v}, 1);
  tape.backward(mended, dy);
  CHECK(same_bits(tape.grad(x), dy));
}

TEST_CASE("slice says what is wrong", "[ops][slice][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 5}, DType::float32));
  const std::string rule = "; first >= 0, step >= 1 and no entry beyond 5 were wanted for axis 1 of shape [2, 5]";
  CHECK(error_of([&] { slice(x, 1, 3, 3); }) == "slice: 3 entries from 3 in steps of 1 came" + rule);
  CHECK(error_of([&] { slice(x, 1, -1, 3); }) == "slice: 3 entries from -1 in steps of 1 came" + rule);
  CHECK(error_of([&] { slice(x, -1, 0, 2, 0); }) == "slice: 2 entries from 0 in steps of 0 came" + rule);
  CHECK(error_of([&] { slice(x, 1, 0, 4, 2); }) == "slice: 4 entries from 0 in steps of 2 came" + rule);
  CHECK(error_of([&] { slice(x, 1, 6, 0); }) == "slice: 0 entries from 6 in steps of 1 came" + rule);
  CHECK(error_of([&] { slice(x, 2, 0, 1); }) == "slice: axis 2 is outside [-2, 2) of shape [2, 5]");
  CHECK(error_of([&] {
          split(x, {2, 2}, 1);
        }) == "split: the sizes [2, 2] add up to 4, but axis 1 of shape [2, 5] has extent 5");
  CHECK(error_of([&] { chunk<3>(x, 1); }) == "chunk: axis 1 of shape [2, 5] does not divide into 3 equal parts");
}
