#include "core/ops/scans.h"

#include "core/axis.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Twin {
  Tensor y, dx;
};

Twin twin(const Tensor& x, const Tensor& dy, int axis, bool maximum) {
  const AxisView view(x.shape(), axis);
  Twin t{Tensor::empty(x.shape(), DType::float64), Tensor::zeros(x.shape(), DType::float64)};
  for (Index o = 0; o < view.outer; ++o)
    for (Index i = 0; i < view.inner; ++i)
      for (Index e = 0; e < view.extent; ++e) {
        double y = maximum ? -kInf : 0;
        Index from = 0;
        for (Index k = 0; k <= e; ++k) {
          const double now = x.at(view.at(o, k, i));
          if (maximum && now >= y) from = k, y = now;
          if (!maximum) y += now;
        }
        const double g = dy.at(view.at(o, e, i));
        t.y.set(view.at(o, e, i), y);
        for (Index k = maximum ? from : 0; k <= (maximum ? from : e); ++k)
          t.dx.set(view.at(o, k, i), t.dx.at(view.at(o, k, i)) + g);
      }
  return t;
}

auto call(bool maximum, int axis) {
  return [=](std::span<const Var> v) { return maximum ? cummax(v[0], axis) : cumsum(v[0], axis); };
}

}  // namespace

TEST_CASE("cumsum and cummax equal their definitions along every axis", "[ops][scans]") {
  for (const Shape& shape : {Shape{23}, Shape{5, 37}, Shape{3, 7, 71}, Shape{0, 3}, Shape{3, 0}, Shape{1, 1}})
    for (int axis = 0; axis < shape.rank(); ++axis)
      for (bool maximum : {false, true}) {
        INFO(to_string(shape) << ", axis " << axis << (maximum ? ", maximum" : ""));
        const Tensor x = random_tensor(shape, 1), dy = random_tensor(shape, 2);
        const Twin wanted = twin(x, dy, axis, maximum);
        const Played got = play(call(maximum, axis), {x}, dy, 2);
        check_close(got.y, wanted.y);
        check_close(got.dx[0], wanted.dx);
      }
}

TEST_CASE("scans of worked numbers", "[ops][scans]") {
  const Tensor x = f64({5}, {1, 3, 2, 3, -1}), dy = f64({5}, {1, 2, 4, 8, 16});
  check_close(play(call(false, 0), {x}, dy).y, f64({5}, {1, 4, 6, 9, 8}));
  check_close(play(call(false, 0), {x}, dy).dx[0], f64({5}, {31, 30, 28, 24, 16}));
  check_close(play(call(true, 0), {x}, dy).y, f64({5}, {1, 3, 3, 3, 3}));
  check_close(play(call(true, 0), {x}, dy).dx[0], f64({5}, {1, 6, 0, 24, 0}));  // of equals the latest counts
}

TEST_CASE("scans of extreme values have stated outcomes", "[ops][scans]") {
  const Tensor x = f64({4}, {-kInf, 1, kNaN, 2});
  check_close(play(call(true, 0), {x}).y, f64({4}, {-kInf, 1, kNaN, kNaN}));
  check_close(play(call(true, 0), {x}).dx[0], f64({4}, {1, 1, 2, 0}));
  check_close(play(call(false, 0), {x}).y, f64({4}, {-kInf, -kInf, kNaN, kNaN}));
  // float32 sums up in float64: a million times 0.1 is right to the last bit.
  Tape tape;
  const Index n = 1000000;
  const Var y = cumsum(tape.constant(Tensor::full({n}, DType::float32, 0.1)));
  CHECK(y.value().at(n - 1) == static_cast<double>(static_cast<float>(static_cast<double>(0.1f) * n)));
}

TEST_CASE("scans refuse what they cannot do", "[ops][scans]") {
  Tape tape;
  CHECK(error_of([&] {
          cumsum(tape.constant(Tensor::zeros({2, 3}, DType::float32)), -3);
        }) == "cumsum: axis -3 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { cummax(tape.constant(Tensor::zeros({2}, DType::int32))); }) ==
        "cummax: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
}
