#include "core/ops/permute.h"

#include <algorithm>
#include <numeric>

#include "tests/support/movement.h"

using namespace tempera;

namespace {

using Order = std::vector<Index>;

void check_permute(const Shape& from, const Order& order) {
  Shape to = from;
  for (std::size_t k = 0; k < order.size(); ++k) to.set(static_cast<int>(k), from[static_cast<int>(order[k])]);
  check_movement([&](const Var& x) { return permute(x, order); }, from, to,
                 [&](const Position& p) {
                   Position q{};
                   for (std::size_t k = 0; k < order.size(); ++k) q[static_cast<std::size_t>(order[k])] = p[k];
                   return element_at(from, q);
                 });
}

}  // namespace

TEST_CASE("permute agrees with its definition in every order of every rank", "[ops][permute]") {
  std::uint64_t seed = 0;
  for (int rank = 0; rank <= 5; ++rank) {
    Order order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), Index{0});
    do
      for (int draw = 0; draw < (rank < 4 ? 12 : rank == 4 ? 6 : 2); ++draw)
        check_permute(random_shape(rank, ++seed, rank == 5 ? 7 : 17), order);
    while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("permute through tiles, their tails, and panels for several threads", "[ops][permute]") {
  for (const Index n : {1, 15, 16, 17, 32, 61})
    for (const Index m : {1, 15, 16, 17, 33, 64}) check_permute({3, n, m}, {0, 2, 1});
  check_permute({200, 190}, {1, 0});
  check_permute({5, 40, 3, 64}, {0, 2, 1, 3});
  check_permute({5, 3, 40, 64}, {0, 2, 1, 3});
  check_permute({3, 50, 70, 2}, {0, 2, 1, 3});
}

TEST_CASE("a permutation and its inverse give back every bit", "[ops][permute]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({2, 3, 5, 7, 2}, DType::float32, "x"));
  const Var y = permute(permute(x, {3, 0, 4, 2, 1}), {1, 4, 3, 0, 2});
  CHECK(same_bits(y.value(), x.value()));
  CHECK(same_bits(transpose(transpose(x, 1, -1), 1, -1).value(), x.value()));
}

TEST_CASE("where only extents of 1 move, nothing is copied", "[ops][permute]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({1, 5, 1, 3}, DType::float32, "x"));
  const Var y = permute(x, {1, 2, 3, 0});
  CHECK(y.shape() == Shape{5, 1, 3, 1});
  CHECK(y.value().shares_buffer(x.value()));
}

TEST_CASE("permute says what is wrong", "[ops][permute][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  CHECK(error_of([&] {
          permute(x, {0, 0});
        }) == "permute: the order [0, 0] came for shape [2, 3]; each of its 2 axes was wanted once");
  CHECK(error_of([&] { permute(x, {1}); }) ==
        "permute: the order [1] came for shape [2, 3]; each of its 2 axes was wanted once");
  CHECK(error_of([&] {
          permute(x, {1, -1});
        }) == "permute: the order [1, -1] came for shape [2, 3]; each of its 2 axes was wanted once");
  CHECK(error_of([&] {
          permute(x, {0, 2});
        }) == "permute: the order [0, 2] came for shape [2, 3]; each of its 2 axes was wanted once");
  CHECK(error_of([&] { transpose(x, 0, 2); }) == "transpose: axis 2 is outside [-2, 2) of shape [2, 3]");
}
