#include "core/ops/softmax.h"

#include "core/axis.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Twin {
  Tensor y, dx;
};

// The definition in float64, without a shift: |x| <= 2 here.
Twin twin(const Tensor& x, const Tensor& dy, int axis, bool logarithm) {
  const AxisView view(x.shape(), axis);
  Twin t{Tensor::empty(x.shape(), DType::float64), Tensor::empty(x.shape(), DType::float64)};
  for (Index o = 0; o < view.outer; ++o)
    for (Index i = 0; i < view.inner; ++i) {
      double total = 0, dot = 0, sum = 0;
      for (Index e = 0; e < view.extent; ++e) total += std::exp(x.at(view.at(o, e, i)));
      for (Index e = 0; e < view.extent; ++e) {
        const Index at = view.at(o, e, i);
        const double p = std::exp(x.at(at)) / total;
        t.y.set(at, logarithm ? std::log(p) : p);
        dot += p * dy.at(at);
        sum += dy.at(at);
      }
      for (Index e = 0; e < view.extent; ++e) {
        const Index at = view.at(o, e, i);
        const double p = std::exp(x.at(at)) / total;
        t.dx.set(at, logarithm ? dy.at(at) - p * sum : p * (dy.at(at) - dot));
      }
    }
  return t;
}

auto call(bool logarithm, int axis) {
  return [=](std::span<const Var> v) { return logarithm ? log_softmax(v[0], axis) : softmax(v[0], axis); };
}

}  // namespace

TEST_CASE("softmax and log_softmax equal their definitions along every axis", "[ops][softmax]") {
  for (const Shape& shape : {Shape{5, 37}, Shape{3, 7, 41}, Shape{2, 1, 16}, Shape{1, 33, 1}, Shape{0, 3}, Shape{3, 0},
                             Shape{1, 1}, Shape{2, 3, 2, 17}})
    for (int axis = 0; axis < shape.rank(); ++axis)
      for (bool logarithm : {false, true}) {
        INFO(to_string(shape) << ", axis " << axis << (logarithm ? ", logarithm" : ""));
        const Tensor x = random_tensor(shape, 1), dy = random_tensor(shape, 2);
        const Twin wanted = twin(x, dy, axis, logarithm);
        const Played got = play(call(logarithm, axis), {x}, dy);
        check_close(got.y, wanted.y);
        check_close(got.dx[0], wanted.dx);
        const Played single = play(call(logarithm, axis), {x.to(DType::float32)}, dy.to(DType::float32));
        check_close(single.y, wanted.y, 2e-6);
        check_close(single.dx[0], wanted.dx, 5e-6);
      }
}

TEST_CASE("softmax of worked numbers", "[ops][softmax]") {
  // Cross-entropy of (2, 1, 0) for the first class is 0.407606, its gradient (-0.334759, 0.244728, 0.090031).
  const Played p = play(call(true, 0), {f64({3}, {2, 1, 0})}, f64({3}, {-1, 0, 0}));
  CHECK(-p.y.at(0) == Approx(0.407606).epsilon(1e-6));
  check_close(p.dx[0], f64({3}, {-0.334759, 0.244728, 0.090031}), 1e-6);
}

TEST_CASE("masked, infinite and huge rows of softmax have stated outcomes", "[ops][softmax]") {
  for (bool columns : {false, true}) {
    const int axis = columns ? 0 : 1;
    const auto rows = [&](std::initializer_list<double> v) {
      const Tensor x = f64({5, 3}, v);
      if (!columns) return x;
      Tensor t = Tensor::empty({3, 5}, DType::float64);
      for (Index i = 0; i < 15; ++i) t.set(i % 3 * 5 + i / 3, x.at(i));
      return t;
    };
    const Tensor x = rows({-kInf, -kInf, -kInf, -kInf, 1e4, 1e4, 1e4, -1e4, -1e4, 0, kNaN, 0, 0, kInf, 0});
    const Tensor dy = rows({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
    const Played p = play(call(false, axis), {x}, dy), l = play(call(true, axis), {x}, dy);
    const double half = std::log(0.5), n = kNaN;
    check_close(p.y, rows({0, 0, 0, 0, 0.5, 0.5, 1, 0, 0, n, n, n, n, n, n}));
    check_close(p.dx[0], rows({0, 0, 0, 0, -0.25, 0.25, 0, 0, 0, n, n, n, n, n, n}));
    check_close(l.y, rows({-kInf, -kInf, -kInf, -kInf, half, half, 0, -2e4, -2e4, n, n, n, n, n, n}));
    check_close(l.dx[0], rows({0, 0, 0, 1, -1, 0, -5, 2, 3, n, n, n, n, n, n}));
  }
}

TEST_CASE("softmax gives the same bits on any number of threads", "[ops][softmax]") {
  const Tensor x = random_tensor({31, 67, 29}, 4, -2, 2, DType::float32);
  for (int axis : {0, 1, 2})
    for (bool logarithm : {false, true}) {
      const Played one = play(call(logarithm, axis), {x}, x), four = play(call(logarithm, axis), {x}, x, 4);
      CHECK(same_bits(one.y, four.y));
      CHECK(same_bits(one.dx[0], four.dx[0]));
    }
}

TEST_CASE("softmax refuses what it cannot do", "[ops][softmax]") {
  Tape tape;
  CHECK(error_of([&] {
          softmax(tape.constant(Tensor::zeros({2, 3}, DType::float32)), 2);
        }) == "softmax: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { softmax(tape.constant(Tensor::scalar(1)), 0); }) ==
        "softmax: axis 0 is outside [0, 0) of shape []");
  CHECK(error_of([&] { log_softmax(tape.constant(Tensor::zeros({2}, DType::int32))); }) ==
        "log_softmax: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
}
