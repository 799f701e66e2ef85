#include "core/ops/outer.h"

#include "core/gradcheck.h"
#include "tests/support/movement.h"

using namespace tempera;

TEST_CASE("outer multiplies every pair, batch by batch", "[ops][outer]") {
  for (const Index n : {0, 1, 5, 17})
    for (const Index m : {0, 1, 7, 19}) {
      Tape tape;
      const Var a = tape.constant(random_tensor({3, n}, DType::float32, "a"));
      const Var b = tape.constant(random_tensor({3, m}, DType::float32, "b"));
      const Var y = outer(a, b);
      REQUIRE(y.shape() == Shape{3, n, m});
      bool right = true;
      for (Index o = 0; o < 3; ++o)
        for (Index i = 0; i < n; ++i)
          for (Index j = 0; j < m; ++j)
            right = right && y.value().data<float>()[(o * n + i) * m + j] ==
                                 a.value().data<float>()[o * n + i] * b.value().data<float>()[o * m + j];
      CHECK(right);
    }
}

TEST_CASE("the gradient of outer agrees with finite differences", "[ops][outer][gradcheck]") {
  const auto check = [](const Shape& a, const Shape& b) {
    const Tensor x = random_tensor(a, DType::float64, "a"), y = random_tensor(b, DType::float64, "b");
    const GradcheckReport report = gradcheck([](std::span<const Var> v) { return outer(v[0], v[1]); }, {x, y});
    INFO(report.table("outer"));
    CHECK(report.ok);
  };
  check({3}, {19});
  check({2, 5}, {2, 4});
  check({2, 3}, {7});
  check({1}, {1});
}

TEST_CASE("outer says what is wrong", "[ops][outer][errors]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2}, DType::float32));
  const Var scalar = tape.constant(Tensor::scalar(1));
  CHECK(error_of([&] { outer(x, scalar); }) == "outer: shapes [2] and [] came; vectors or batches of them were wanted");
}
