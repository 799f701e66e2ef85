#include "core/ops/channel_norm.h"

#include "core/axis.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Twin {
  Tensor y, dx, dgamma, dbeta, mean, var;
};

// The definition in long double: `set_of(b, c)` numbers the statistics.
Twin twin(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& dy, double eps, Index sets,
          const std::function<Index(Index, Index)>& set_of) {
  using Real = long double;
  const AxisView view(x.shape(), 1);
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(shape, DType::float64); };
  Twin t{zeros(x.shape()), zeros(x.shape()), zeros({view.extent}), zeros({view.extent}), zeros({sets}), zeros({sets})};
  const auto each = [&](const auto& f) {
    for (Index b = 0; b < view.outer; ++b)
      for (Index c = 0; c < view.extent; ++c)
        for (Index s = 0; s < view.inner; ++s) f(view.at(b, c, s), c, static_cast<std::size_t>(set_of(b, c)));
  };
  const auto count = static_cast<std::size_t>(sets);
  std::vector<Real> n(count), mean(count), var(count), h(count), hn(count);
  each([&](Index i, Index, std::size_t k) { n[k] += 1, mean[k] += x.at(i); });
  for (std::size_t k = 0; k < count; ++k) mean[k] /= n[k];
  each([&](Index i, Index, std::size_t k) { var[k] += (x.at(i) - mean[k]) * (x.at(i) - mean[k]) / n[k]; });
  const auto scale = [&](std::size_t k) { return 1 / std::sqrt(var[k] + eps); };
  each([&](Index i, Index c, std::size_t k) {
    const Real normal = (x.at(i) - mean[k]) * scale(k), g = dy.at(i);
    t.y.set(i, static_cast<double>(normal * gamma.at(c) + beta.at(c)));
    t.dgamma.set(c, static_cast<double>(t.dgamma.at(c) + g * normal));
    t.dbeta.set(c, static_cast<double>(t.dbeta.at(c) + g));
    h[k] += g * gamma.at(c) / n[k];
    hn[k] += g * gamma.at(c) * normal / n[k];
  });
  each([&](Index i, Index c, std::size_t k) {
    const Real normal = (x.at(i) - mean[k]) * scale(k);
    t.dx.set(i, static_cast<double>(scale(k) * (dy.at(i) * gamma.at(c) - h[k] - normal * hn[k])));
  });
  for (std::size_t k = 0; k < count; ++k) {
    t.mean.set(static_cast<Index>(k), static_cast<double>(mean[k]));
    t.var.set(static_cast<Index>(k), static_cast<double>(var[k]));
  }
  return t;
}

void compare(const Played& got, const Twin& wanted) {
  check_close(got.y, wanted.y);
  check_close(got.dx[0], wanted.dx, 1e-11);
  check_close(got.dx[1], wanted.dgamma, 1e-11);
  check_close(got.dx[2], wanted.dbeta, 1e-11);
}

auto grouped(Index groups) {
  return [groups](std::span<const Var> v) { return group_norm(v[0], groups, v[1], v[2]); };
}
const auto batch = [](std::span<const Var> v) { return batch_norm(v[0], v[1], v[2]).y; };

}  // namespace

TEST_CASE("group_norm and batch_norm equal their definitions", "[ops][channel_norm]") {
  for (const Shape& shape :
       {Shape{3, 6}, Shape{5, 34}, Shape{2, 6, 7}, Shape{1, 6, 3, 11}, Shape{7, 2, 1, 19, 2}, Shape{0, 4, 3}}) {
    const Index channels = shape[1];
    const Tensor x = random_tensor(shape, 1), g = random_tensor({channels}, 2), b = random_tensor({channels}, 3);
    const Tensor dy = random_tensor(shape, 4);
    for (Index groups : {Index{1}, Index{2}, channels}) {
      if (channels == groups && shape.product(2, shape.rank()) == 1) continue;  // one element per set: see below
      INFO(to_string(shape) << ", " << groups << " groups");
      compare(play(grouped(groups), {x, g, b}, dy), twin(x, g, b, dy, 1e-5, shape[0] * groups, [&](Index s, Index c) {
                return s * groups + c / (channels / groups);
              }));
    }
    if (shape[0] == 0) continue;
    const Twin wanted = twin(x, g, b, dy, 1e-5, channels, [](Index, Index c) { return c; });
    compare(play(batch, {x, g, b}, dy), wanted);
    Tape tape;
    const BatchNorm result = batch_norm(tape.constant(x));
    check_close(result.mean, wanted.mean);
    check_close(result.var, wanted.var);
    // With the same statistics inference gives the same values, and the gradient of an affine map.
    const auto inference = [&](std::span<const Var> v) {
      return batch_norm_inference(v[0], wanted.mean, wanted.var, v[1], v[2]);
    };
    const Played given = play(inference, {x, g, b}, dy);
    check_close(given.y, wanted.y);
    check_close(given.dx[1], wanted.dgamma, 1e-11);
    check_close(given.dx[2], wanted.dbeta, 1e-11);
    const AxisView view(shape, 1);
    for (Index i = 0; i < x.size(); ++i) {
      const Index c = i / view.inner % channels;
      CHECK(given.dx[0].at(i) == Approx(dy.at(i) * g.at(c) / std::sqrt(wanted.var.at(c) + 1e-5)));
    }
  }
}

TEST_CASE("channel norms of worked numbers", "[ops][channel_norm]") {
  // One group of one sample is layer_norm: (1, 2, 3, 6) gives (-1.069043, -0.534522, 0, 1.603565).
  const Tensor wanted = f64({4}, {-1.069043, -0.534522, 0, 1.603565});
  const auto one = [](std::span<const Var> v) { return group_norm(v[0], 1); };
  check_close(play(one, {f64({1, 2, 2}, {1, 2, 3, 6})}).y.reshaped({4}), wanted, 2e-6);
  // Four samples of one channel.
  Tape tape;
  const BatchNorm result = batch_norm(tape.constant(f64({4, 1}, {1, 2, 3, 6})));
  check_close(result.y.value().reshaped({4}), wanted, 2e-6);
  check_close(result.mean, f64({1}, {3}));
  check_close(result.var, f64({1}, {3.5}));
}

TEST_CASE("sets without spread, huge and spoiled ones have stated outcomes", "[ops][channel_norm]") {
  const Tensor g = f64({2}, {2, 3}), b = f64({2}, {4, 5});
  const Played single = play(grouped(2), {f64({1, 2}, {7, -1e4}), g, b});  // a set of one element
  check_close(single.y, f64({1, 2}, {4, 5}));
  check_close(single.dx[0], f64({1, 2}, {0, 0}));
  check_close(play(batch, {f64({2, 2}, {-1e4, kNaN, 1e4, 1}), g, b}).y, f64({2, 2}, {2, kNaN, 6, kNaN}));
}

TEST_CASE("channel norms give the same bits on any number of threads", "[ops][channel_norm]") {
  const Tensor x = random_tensor({9, 32, 301}, 1, -2, 2, DType::float32),
               g = random_tensor({32}, 2, -2, 2, DType::float32);
  for (const std::function<Var(std::span<const Var>)>& f :
       {std::function<Var(std::span<const Var>)>(batch), std::function<Var(std::span<const Var>)>(grouped(8))}) {
    const Played one = play(f, {x, g, g}, x), four = play(f, {x, g, g}, x, 4);
    CHECK(same_bits(one.y, four.y));
    for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(one.dx[i], four.dx[i]));
  }
}

TEST_CASE("channel norms refuse what they cannot do", "[ops][channel_norm]") {
  Tape tape;
  const auto zeros = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const Var x = zeros({2, 6, 3});
  CHECK(error_of([&] { group_norm(x, 4); }) ==
        "group_norm: 4 groups do not divide the 6 channels of x [2, 6, 3]; choose a divisor");
  CHECK(error_of([&] { group_norm(x, 0); }) ==
        "group_norm: 0 groups do not divide the 6 channels of x [2, 6, 3]; choose a divisor");
  CHECK(error_of([&] { group_norm(zeros({3}), 1); }) ==
        "group_norm: x has shape [3]; [batch, channels, ...] was wanted");
  CHECK(error_of([&] { batch_norm(x, zeros({3})); }) ==
        "batch_norm: gamma is float32 [3], but x is float32 [2, 6, 3]; float32 [6] was wanted");
  CHECK(error_of([&] { batch_norm(x, {}, {}, -1); }) == "batch_norm: eps is -1; a number >= 0 was wanted");
  CHECK(error_of([&] {
          batch_norm(zeros({2, 3}, DType::int32));
        }) == "batch_norm: x is int32 [2, 3]; float32 or float64 was wanted; convert it with Tensor::to");
  const Tensor six = Tensor::zeros({6}, DType::float32), three = Tensor::zeros({3}, DType::float32);
  CHECK(error_of([&] { batch_norm_inference(x, six, three); }) ==
        "batch_norm: var is float32 [3], but x is float32 [2, 6, 3]; float32 [6] was wanted");
  CHECK(error_of([&] { batch_norm_inference(x, three, six); }) ==
        "batch_norm: mean is float32 [3], but x is float32 [2, 6, 3]; float32 [6] was wanted");
}
