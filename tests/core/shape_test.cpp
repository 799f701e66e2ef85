#include "core/shape.h"

#include <catch2/catch.hpp>

#include "core/axis.h"
#include "core/broadcast.h"
#include "core/error.h"

using namespace tempera;

TEST_CASE("a shape knows its rank, size and extents from both ends", "[shape]") {
  const Shape scalar, row{7}, cube{2, 3, 5};
  CHECK(scalar.rank() == 0);
  CHECK(scalar.size() == 1);
  CHECK(row.size() == 7);
  CHECK(cube.size() == 30);
  CHECK(cube.back() == 5);
  CHECK(cube.back(1) == 3);
  CHECK(cube.product(1, 3) == 15);
  CHECK(Shape({4, 0, 3}).size() == 0);
  CHECK(to_string(scalar) == "[]");
  CHECK(to_string(cube) == "[2, 3, 5]");
  CHECK(cube == Shape{2, 3, 5});
  CHECK_FALSE(cube == Shape{2, 3});
  CHECK_FALSE(Shape{1} == scalar);
  CHECK(cube.with(1, 9) == Shape{2, 9, 5});
  CHECK(cube.without(0) == Shape{3, 5});
  CHECK(cube.inserted(3, 1) == Shape{2, 3, 5, 1});
  CHECK(cube.inserted(0, 1) == Shape{1, 2, 3, 5});
}

TEST_CASE("shapes that cannot be are refused", "[shape][errors]") {
  CHECK_THROWS_WITH(Shape({1, 2, 3, 4, 5, 6}), "shape: rank 6 is not supported; tensors have rank 0 to 5");
  CHECK_THROWS_WITH(Shape({2, -1}), "shape: extent -1 is negative in [2, -1]");
  CHECK_THROWS_WITH(Shape({Index{1} << 40, Index{1} << 40}),
                    "shape: the product of the extents [1099511627776, 1099511627776] does not fit in 64 bits");
  CHECK_THROWS_WITH(Shape({1, 1, 1, 1, 1}).inserted(0, 2),
                    "shape: cannot insert an axis into [1, 1, 1, 1, 1]: the rank would exceed 5");
}

TEST_CASE("axes count from both ends", "[shape][errors]") {
  const Shape shape{2, 3, 5};
  CHECK(checked_axis(-1, shape, "test") == 2);
  CHECK(checked_axis(0, shape, "test") == 0);
  CHECK_THROWS_WITH(checked_axis(3, shape, "sum"), "sum: axis 3 is outside [-3, 3) of shape [2, 3, 5]");
  CHECK_THROWS_WITH(checked_axis(-4, shape, "sum"), "sum: axis -4 is outside [-3, 3) of shape [2, 3, 5]");
  const AxisView view(shape, 1);
  CHECK(view.outer == 2);
  CHECK(view.extent == 3);
  CHECK(view.inner == 5);
  CHECK(view.at(1, 2, 4) == 29);
}

TEST_CASE("shapes broadcast as in numpy", "[shape][errors]") {
  CHECK(broadcast({3, 1}, {4}, "add") == Shape{3, 4});
  CHECK(broadcast({}, {2, 2}, "add") == Shape{2, 2});
  CHECK(broadcast({0, 1}, {1, 5}, "add") == Shape{0, 5});
  CHECK_THROWS_WITH(broadcast({2, 3}, {4, 3}, "add"),
                    "add: shapes [2, 3] and [4, 3] do not broadcast: extents 2 and 4 at axis 1 from the back; equal "
                    "extents, or 1 in one of them, were wanted");
}

namespace {

// Element `i` of the output reads element `expected` of an input of shape `shape`: the definition, digit by digit.
Index definition(const Shape& shape, const Shape& out, Index i) {
  Index offset = 0, stride = 1;
  for (int axis = out.rank() - 1; axis >= 0; --axis) {
    const Index digit = i % out[axis];
    i /= out[axis];
    const int own = axis - out.rank() + shape.rank();
    if (own < 0) continue;
    if (shape[own] != 1) offset += digit * stride;
    stride *= shape[own];
  }
  return offset;
}

}  // namespace

TEST_CASE("broadcast loops visit what the definition says", "[broadcast]") {
  const std::array<Shape, 2> cases[] = {
      {Shape{2, 3}, Shape{2, 3}},
      {Shape{2, 3, 4}, Shape{4}},
      {Shape{2, 3, 4}, Shape{3, 1}},
      {Shape{2, 1, 4}, Shape{1, 3, 1}},
      {Shape{}, Shape{3, 2}},
      {Shape{5, 1}, Shape{1, 7}},
      {Shape{1, 1}, Shape{1}},
      {Shape{2, 3, 1, 5, 1}, Shape{3, 4, 1, 2}},
      {Shape{}, Shape{}},
  };
  for (const auto& shapes : cases)
    for (const bool keep_last : {false, true}) {
      const BroadcastLoops<2> loops(shapes, "test", keep_last);
      CAPTURE(to_string(shapes[0]), to_string(shapes[1]), keep_last);
      CHECK(loops.outer() * loops.inner() == loops.shape().size());
      if (keep_last && loops.shape().rank() > 0) CHECK(loops.inner() == loops.shape().back());
      for (Index run = 0; run < loops.outer(); ++run)
        for (Index i = 0; i < loops.inner(); ++i)
          for (std::size_t k = 0; k < 2; ++k)
            CHECK(loops.offsets(run)[k] + i * loops.step(k) ==
                  definition(shapes[k], loops.shape(), run * loops.inner() + i));
      for (std::size_t k = 0; k < 2; ++k) CHECK(loops.reduced(k) == (shapes[k].size() != loops.shape().size()));
    }
  SECTION("neighbouring axes merge into one loop") {
    CHECK(BroadcastLoops<2>({Shape{2, 3, 4}, Shape{2, 3, 4}}, "test").outer() == 1);
    CHECK(BroadcastLoops<2>({Shape{2, 3, 4}, Shape{3, 4}}, "test").outer() == 2);
    CHECK(BroadcastLoops<2>({Shape{2, 3, 4}, Shape{}}, "test").outer() == 1);
  }
}
