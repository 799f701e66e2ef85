// What a user of the installed library does: an operation of his own, its gradient proved, a model fitted with it.
#include <cstdio>
#include <tempera/core/gradcheck.h>
#include <tempera/core/ops/center.h>
#include <tempera/core/pointwise.h>
#include <tempera/core/random.h>

using namespace tempera;

namespace {

std::vector<Example> examples();
const Op half_squares_op{"half_squares", examples, 1e-9};

//   y = 1/2 sum (p - t)^2        p, t: the same shape; y: scalar
//   dp = dy (p - t), dt = -dp
Var half_squares(const Var& p, const Var& t) {
  require(p.shape() == t.shape(), half_squares_op.name, "p has shape {}, t {}", p.shape(), t.shape());
  Tensor difference = p.tape().empty(p.shape(), p.dtype());
  Tensor y = p.tape().empty({}, p.dtype());
  dispatch(p.dtype(), [&]<class T>(Type<T>) {
    difference.vec<T>() = p.value().vec<T>() - t.value().vec<T>();
    *y.data<T>() = difference.vec<T>().square().sum() / 2;
  });
  return Tape::record(half_squares_op, {p, t}, y, [difference](const Tensor& dy, Gradients& dx) {
    dispatch(dy.dtype(), [&]<class T>(Type<T>) {
      for (int input = 0; input < 2; ++input) {
        if (!dx.wanted(input)) continue;
        const T factor = input == 0 ? *dy.data<T>() : -*dy.data<T>();
        Into to = dx.into(input);
        if (to.add) to.grad.template vec<T>() += factor * difference.vec<T>();
        else to.grad.template vec<T>() = factor * difference.vec<T>();
      }
    });
  });
}

std::vector<Example> examples() {
  const auto call = [](std::span<const Var> x) { return half_squares(x[0], x[1]); };
  return {{"a matrix", {{{3, 7}}, {{3, 7}}}, call}, {"a scalar", {{{}}, {{}}}, call}};
}

// t = 3 x - 2, fitted by gradient descent on slope and shift. Returns the losses, first and last.
std::pair<double, double> fit(int steps) {
  Tensor x = Tensor::empty({32}, DType::float32), t = Tensor::empty({32}, DType::float32);
  Rng(7, "data").fill_uniform(x, -1, 1);
  t.vec<float>() = 3 * x.vec<float>() - 2;
  Tensor slope = Tensor::scalar(0), shift = Tensor::scalar(0);
  Tensor dslope = Tensor::scalar(0), dshift = Tensor::scalar(0);
  Tape tape;
  double first = 0, last = 0;
  for (int step = 0; step < steps; ++step) {
    const Var a = tape.parameter(slope, dslope), b = tape.parameter(shift, dshift);
    const Var p = pointwise([](auto u, auto m, auto c) { return m * u + c; }, tape.constant(x), a, b);
    const Var loss = half_squares(p, tape.constant(t));
    tape.backward(loss);
    last = loss.value().item();
    if (step == 0) first = last;
    slope.vec<float>() -= 0.02f * dslope.vec<float>();
    shift.vec<float>() -= 0.02f * dshift.vec<float>();
    tape.reset();
  }
  return {first, last};
}

bool proved(const Op& op) {
  const OpCheck check = gradcheck(op, 8);
  std::printf("%s: %d gradient checks, worst error %.1e\n%s", op.name.data(), check.checks, check.worst,
              check.failure.c_str());
  return check.ok;
}

}  // namespace

int main() {
  const bool ok = proved(half_squares_op) && proved(center_op);
  const auto [first, last] = fit(10);
  std::printf("loss %.4f -> %.4f\n", first, last);
  return ok && last < first / 4 ? 0 : 1;
}
