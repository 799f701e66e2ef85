#include "core/ops/layer_norm.h"

#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Twin {
  Tensor y, dx, dgamma, dbeta;
};

// The definition, in long double.
Twin twin(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& dy, double eps, bool centered) {
  const Index n = x.matrix_cols(), rows = x.matrix_rows();
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::float64); };
  Twin t{zeros(x.shape()), zeros(x.shape()), zeros({n}), zeros({n})};
  for (Index r = 0; r < rows; ++r) {
    long double mean = 0, var = 0, mean_h = 0, mean_hn = 0;
    for (Index i = 0; i < n && centered; ++i) mean += x.at(r * n + i) / static_cast<long double>(n);
    for (Index i = 0; i < n; ++i)
      var += (x.at(r * n + i) - mean) * (x.at(r * n + i) - mean) / static_cast<long double>(n);
    const long double scale = 1 / std::sqrt(var + eps);
    const auto normal = [&](Index i) { return (x.at(r * n + i) - mean) * scale; };
    for (Index i = 0; i < n; ++i) {
      const double g = dy.at(r * n + i);
      t.y.set(r * n + i, static_cast<double>(normal(i) * gamma.at(i) + (centered ? beta.at(i) : 0)));
      t.dgamma.set(i, static_cast<double>(t.dgamma.at(i) + g * normal(i)));
      t.dbeta.set(i, t.dbeta.at(i) + g);
      mean_h += centered ? g * gamma.at(i) / static_cast<long double>(n) : 0;
      mean_hn += g * gamma.at(i) * normal(i) / static_cast<long double>(n);
    }
    for (Index i = 0; i < n; ++i)
      t.dx.set(r * n + i, static_cast<double>(scale * (dy.at(r * n + i) * gamma.at(i) - mean_h - normal(i) * mean_hn)));
  }
  return t;
}

const auto layer = [](std::span<const Var> v) { return layer_norm(v[0], v[1], v[2]); };
const auto rms = [](std::span<const Var> v) { return rms_norm(v[0], v[1]); };

}  // namespace

TEST_CASE("layer_norm and rms_norm equal their definitions", "[ops][layer_norm]") {
  for (const Shape& shape :
       {Shape{37}, Shape{3, 1}, Shape{65, 19}, Shape{131, 64}, Shape{2, 5, 101}, Shape{0, 4}, Shape{3, 0}}) {
    INFO(to_string(shape));
    const Index n = shape.back();
    const Tensor x = random_tensor(shape, 1), g = random_tensor({n}, 2), b = random_tensor({n}, 3);
    const Tensor dy = random_tensor(shape, 4);
    const Twin wanted = twin(x, g, b, dy, 1e-5, true), plain = twin(x, g, b, dy, 1e-5, false);
    const Played got = play(layer, {x, g, b}, dy), root = play(rms, {x, g}, dy);
    check_close(got.y, wanted.y);
    check_close(got.dx[0], wanted.dx, 1e-11);
    check_close(got.dx[1], wanted.dgamma, 1e-11);
    check_close(got.dx[2], wanted.dbeta, 1e-11);
    check_close(root.y, plain.y);
    check_close(root.dx[0], plain.dx, 1e-9);  // eps alone tames a row of one small element
    check_close(root.dx[1], plain.dgamma, 1e-11);
  }
}

TEST_CASE("layer_norm of worked numbers", "[ops][layer_norm]") {
  const auto bare = [](std::span<const Var> v) { return layer_norm(v[0]); };
  const Played a = play(bare, {f64({4}, {1, 2, 3, 6})}, f64({4}, {1, 0, 0, 0}));
  check_close(a.y, f64({4}, {-1.069043, -0.534522, 0, 1.603565}), 2e-6);
  check_close(a.dx[0], f64({4}, {0.248171, -0.209990, -0.133630, 0.095450}), 2e-6);
  double sum = 0, dot = 0;
  for (Index i = 0; i < 4; ++i) sum += a.dx[0].at(i), dot += a.dx[0].at(i) * a.y.at(i);
  CHECK(std::abs(sum) <= 1e-15);
  CHECK(std::abs(dot) <= 1e-5);  // 0 up to eps

  const Played b = play(bare, {f64({4}, {1, 2, 3, 4})}, f64({4}, {1, 0, 0, 0}));
  check_close(b.y, f64({4}, {-1.341635, -0.447212, 0.447212, 1.341635}), 1e-6);
  check_close(b.dx[0], f64({4}, {0.268330, -0.357768, -0.089443, 0.178882}), 1e-6);
}

TEST_CASE("rows without spread, huge and spoiled ones have stated outcomes", "[ops][layer_norm]") {
  for (DType dtype : {DType::float32, DType::float64}) {
    const Tensor x = f64({3, 3}, {7, 7, 7, -1e4, 0, 1e4, 1, kNaN, 2}).to(dtype);
    const Tensor g = f64({3}, {1, 2, 3}).to(dtype), b = f64({3}, {4, 5, 6}).to(dtype);
    const Tensor y = play(layer, {x, g, b}).y;
    const double s = std::sqrt(1.5), n = kNaN;
    check_close(y, f64({3, 3}, {4, 5, 6, 4 - s, 5, 6 + 3 * s, n, n, n}), 1e-6);
  }
  Tape tape;
  const Var zero = tape.leaf(Tensor::zeros({2, 5}, DType::float64));
  CHECK(rms_norm(zero).value().to_vector() == std::vector<double>(10, 0));
  // The variance is taken in two passes: a spread of 1 around 1e4 survives float32.
  Tensor far = Tensor::empty({1, 64}, DType::float32);
  for (Index i = 0; i < 64; ++i) far.set(i, 1e4 + (i % 2 ? 1 : -1));
  CHECK(layer_norm(tape.constant(far)).value().at(1) == Approx(1).epsilon(1e-4));
}

TEST_CASE("gamma and beta may be left out, one by one", "[ops][layer_norm]") {
  const Tensor x = random_tensor({3, 7}, 1), g = random_tensor({7}, 2), b = random_tensor({7}, 3);
  const Tensor one = Tensor::full({7}, DType::float64, 1), zero = Tensor::zeros({7}, DType::float64);
  const Tensor no_beta = play([](std::span<const Var> v) { return layer_norm(v[0], v[1]); }, {x, g}).y;
  const Tensor no_gamma = play([](std::span<const Var> v) { return layer_norm(v[0], {}, v[1]); }, {x, b}).y;
  CHECK(same_bits(no_beta, play(layer, {x, g, zero}).y));
  CHECK(same_bits(no_gamma, play(layer, {x, one, b}).y));
}

TEST_CASE("layer_norm gives the same bits on any number of threads", "[ops][layer_norm]") {
  const Tensor x = random_tensor({700, 67}, 1, -2, 2, DType::float32),
               g = random_tensor({67}, 2, -2, 2, DType::float32);
  const Played one = play(layer, {x, g, g}, x), four = play(layer, {x, g, g}, x, 4);
  CHECK(same_bits(one.y, four.y));
  for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(one.dx[i], four.dx[i]));
}

TEST_CASE("layer_norm and rms_norm refuse what they cannot do", "[ops][layer_norm]") {
  Tape tape;
  const auto zeros = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const Var x = zeros({2, 3});
  CHECK(error_of([&] { layer_norm(x, zeros({2})); }) ==
        "layer_norm: gamma is float32 [2], but x is float32 [2, 3]; float32 [3] was wanted");
  CHECK(error_of([&] { layer_norm(x, {}, zeros({3}, DType::float64)); }) ==
        "layer_norm: beta is float64 [3], but x is float32 [2, 3]; float32 [3] was wanted");
  CHECK(error_of([&] {
          rms_norm(x, zeros({3, 1}));
        }) == "rms_norm: gamma is float32 [3, 1], but x is float32 [2, 3]; float32 [3] was wanted");
  CHECK(error_of([&] { layer_norm(zeros({})); }) == "layer_norm: x is a scalar; a tensor with a last axis was wanted");
  CHECK(error_of([&] { rms_norm(x, {}, -1); }) == "rms_norm: eps is -1; a number >= 0 was wanted");
  CHECK(error_of([&] { rms_norm(zeros({2}, DType::int32)); }) ==
        "rms_norm: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
}
