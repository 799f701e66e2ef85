#include "core/ops/reshape.h"

#include "tests/support/movement.h"

using namespace tempera;

TEST_CASE("reshape, flatten, squeeze and unsqueeze keep the row-major order", "[ops][reshape]") {
  const auto check = [](const std::function<Var(const Var&)>& f, const Shape& from, const Shape& to) {
    check_movement(f, from, to, [&](const Position& p) { return element_at(to, p); });
  };
  check([](const Var& x) { return reshape(x, Shape{3, 8}); }, {4, 6}, {3, 8});
  check([](const Var& x) { return reshape(x, {2, -1, 3}); }, {4, 6}, {2, 4, 3});
  check([](const Var& x) { return reshape(x, {-1}); }, {2, 1, 3, 1, 2}, {12});
  check([](const Var& x) { return reshape(x, {3, -1}); }, {3, 0}, {3, 0});
  check([](const Var& x) { return reshape(x, {}); }, {1, 1}, {});
  check([](const Var& x) { return flatten(x); }, {2, 3, 5}, {30});
  check([](const Var& x) { return flatten(x); }, {}, {1});
  check([](const Var& x) { return flatten(x, 1, 2); }, {2, 3, 5, 7}, {2, 15, 7});
  check([](const Var& x) { return flatten(x, -1); }, {2, 0}, {2, 0});
  check([](const Var& x) { return squeeze(x, -2); }, {3, 1, 7}, {3, 7});
  check([](const Var& x) { return unsqueeze(x, 0); }, {3, 7}, {1, 3, 7});
  check([](const Var& x) { return unsqueeze(x, -1); }, {3, 7}, {3, 7, 1});
  check([](const Var& x) { return unsqueeze(x, 1); }, {3, 0}, {3, 1, 0});
}

TEST_CASE("reshape copies nothing, forward or backward", "[ops][reshape]") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({4, 6}, DType::float32, "x"));
  const Var y = reshape(x, {8, -1});
  CHECK(y.value().shares_buffer(x.value()));
  const Tensor dy = random_tensor({8, 3}, DType::float32, "dy");
  tape.backward(y, dy);
  CHECK(tape.grad(x).shares_buffer(dy));
}

TEST_CASE("reshape says what is wrong", "[ops][reshape][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({4, 6}, DType::float32));
  const Var full = tape.constant(Tensor::zeros({1, 2, 1, 2, 1}, DType::float32));
  const Var none = tape.constant(Tensor::zeros({0, 6}, DType::float32));
  CHECK(error_of([&] {
          reshape(x, Shape{5, 5});
        }) == "reshape: [4, 6] holds 24 elements, but the new shape [5, 5] holds 25");
  CHECK(error_of([&] {
          reshape(x, {5, -1});
        }) ==
        "reshape: [4, 6] holds 24 elements, which does not determine the -1 in [5, -1]: the other extents make 5");
  CHECK(error_of([&] {
          reshape(none, {0, -1});
        }) == "reshape: [0, 6] holds 0 elements, which does not determine the -1 in [0, -1]: the other extents make 0");
  CHECK(error_of([&] { reshape(x, {-1, -1}); }) == "reshape: [-1, -1] leaves 2 extents open; give all but one");
  CHECK(error_of([&] {
          reshape(x, {-2, 12});
        }) == "reshape: extent -2 came in [-2, 12]; 0 or more was wanted, or one -1");
  CHECK(error_of([&] {
          reshape(x, {1, 1, 1, 1, 4, 6});
        }) == "reshape: the new shape [1, 1, 1, 1, 4, 6] has rank 6; at most 5 was wanted");
  CHECK(error_of([&] { flatten(x, 1, 0); }) ==
        "flatten: axis 1 to axis 0 of shape [4, 6] came; the first must not lie behind the last");
  CHECK(error_of([&] { flatten(x, 2); }) == "flatten: axis 2 is outside [-2, 2) of shape [4, 6]");
  CHECK(error_of([&] { squeeze(x, 0); }) == "squeeze: axis 0 of shape [4, 6] has extent 4; only an extent of 1 can go");
  CHECK(error_of([&] { unsqueeze(x, 3); }) == "unsqueeze: axis 3 is outside [-3, 2] of shape [4, 6]");
  CHECK(error_of([&] { unsqueeze(full, 0); }) ==
        "unsqueeze: shape [1, 2, 1, 2, 1] has rank 5 already, the most there is; reshape it");
}
