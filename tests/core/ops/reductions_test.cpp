#include "core/ops/reductions.h"

#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Choice {
  Axes axes;
  unsigned mask;
};

// The definition: every element finds its output by its coordinates.
struct Groups {
  std::vector<std::vector<Index>> members;  // per output, in row-major order
  Groups(const Shape& shape, unsigned mask) {
    Index outputs = 1;
    for (int axis = 0; axis < shape.rank(); ++axis) outputs *= (mask >> axis & 1u) ? 1 : shape[axis];
    members.resize(static_cast<std::size_t>(outputs));
    for (Index i = 0; i < shape.size(); ++i) {
      Index rest = i, at = 0, stride = 1;
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const Index position = rest % shape[axis];
        rest /= shape[axis];
        if (mask >> axis & 1u) continue;
        at += position * stride;
        stride *= shape[axis];
      }
      members[static_cast<std::size_t>(at)].push_back(i);
    }
  }
};

// y of one output and dy/dx of its elements.
using Twin = std::function<double(const std::vector<double>& x, std::vector<double>& slope)>;

double twin_sum(const std::vector<double>& x, std::vector<double>& slope) {
  double s = 0;
  for (std::size_t i = 0; i < x.size(); ++i) s += x[i], slope[i] = 1;
  return s;
}
double twin_mean(const std::vector<double>& x, std::vector<double>& slope) {
  const double n = static_cast<double>(x.size()), s = twin_sum(x, slope);
  for (double& d : slope) d /= n;
  return s / n;
}
double twin_max(const std::vector<double>& x, std::vector<double>& slope) {
  const double top = *std::max_element(x.begin(), x.end());
  const double ties = static_cast<double>(std::count(x.begin(), x.end(), top));
  for (std::size_t i = 0; i < x.size(); ++i) slope[i] = x[i] == top ? 1 / ties : 0;
  return top;
}
double twin_min(const std::vector<double>& x, std::vector<double>& slope) {
  std::vector<double> negative;
  for (double v : x) negative.push_back(-v);
  return -twin_max(negative, slope);
}
double twin_var(const std::vector<double>& x, std::vector<double>& slope, double m) {
  const double mean = twin_mean(x, slope);
  double s = 0;
  for (std::size_t i = 0; i < x.size(); ++i) s += (x[i] - mean) * (x[i] - mean), slope[i] = 2 * (x[i] - mean) / m;
  return s / m;
}
double twin_logsumexp(const std::vector<double>& x, std::vector<double>& slope) {
  double s = 0;
  for (double v : x) s += std::exp(v);
  for (std::size_t i = 0; i < x.size(); ++i) slope[i] = std::exp(x[i]) / s;
  return std::log(s);
}
double twin_norm(const std::vector<double>& x, std::vector<double>& slope) {
  double s = 0;
  for (double v : x) s += v * v;
  for (std::size_t i = 0; i < x.size(); ++i) slope[i] = x[i] / std::sqrt(s);
  return std::sqrt(s);
}

using Reduction = std::function<Var(const Var&, Axes, bool)>;

void compare(const Reduction& f, const Twin& twin, const Shape& shape, const Choice& choice) {
  const Tensor x = random_tensor(shape, 7);
  const Groups groups(shape, choice.mask);
  for (bool keep : {false, true}) {
    INFO("shape " << to_string(shape) << ", axes mask " << choice.mask);
    Tape probe;
    const Shape out = f(probe.constant(x), choice.axes, keep).shape();
    REQUIRE(out.size() == static_cast<Index>(groups.members.size()));
    CHECK(out.rank() == shape.rank() - (keep ? 0 : __builtin_popcount(choice.mask)));
    const Tensor dy = random_tensor(out, 8);
    Tensor y = Tensor::empty(out, DType::float64), dx = Tensor::zeros(shape, DType::float64);
    for (std::size_t k = 0; k < groups.members.size(); ++k) {
      std::vector<double> values, slope;
      for (Index i : groups.members[k]) values.push_back(x.at(i));
      slope.resize(values.size());
      y.set(static_cast<Index>(k), twin(values, slope));
      for (std::size_t j = 0; j < slope.size(); ++j)
        dx.set(groups.members[k][j], slope[j] * dy.at(static_cast<Index>(k)));
    }
    const Played got = play([&](std::span<const Var> v) { return f(v[0], choice.axes, keep); }, {x}, dy);
    check_close(got.y, y);
    check_close(got.dx[0], dx);
  }
}

void compare_everywhere(const Reduction& f, const Twin& twin, bool empty_too = false) {
  for (const Shape& shape : {Shape{7, 11, 13}, Shape{3, 1, 70}, Shape{1, 37, 4}, Shape{129, 2, 65}}) {
    compare(f, twin, shape, {{}, 7});
    compare(f, twin, shape, {0, 1});
    compare(f, twin, shape, {1, 2});
    compare(f, twin, shape, {-1, 4});
    compare(f, twin, shape, {{0, 1}, 3});
    compare(f, twin, shape, {{2, 0}, 5});
    compare(f, twin, shape, {{1, 2}, 6});
  }
  compare(f, twin, {2, 3, 5, 3, 2}, {{0, 2, 4}, 21});
  compare(f, twin, {2, 3, 5, 3, 17}, {{1, 3}, 10});
  compare(f, twin, {2, 40, 3, 9, 17}, {{1, 3}, 10});
  compare(f, twin, {1100}, {0, 1});
  compare(f, twin, {}, {{}, 0});
  compare(f, twin, {0, 3}, {1, 2});
  if (empty_too) compare(f, twin, {0, 3}, {0, 1});
}

}  // namespace

TEST_CASE("reductions equal their definitions over every set of axes", "[ops][reductions]") {
  compare_everywhere(tempera::sum, twin_sum, true);
  compare_everywhere(tempera::mean, twin_mean, true);
  compare_everywhere(tempera::max, twin_max);
  compare_everywhere(tempera::min, twin_min);
  compare_everywhere(tempera::logsumexp, twin_logsumexp, true);
  compare_everywhere(tempera::norm, twin_norm);
  const auto biased = [](const Var& x, Axes axes, bool keep) { return tempera::var(x, axes, keep); };
  compare_everywhere(biased, [](const std::vector<double>& x, std::vector<double>& slope) {
    return twin_var(x, slope, static_cast<double>(x.size()));
  });
  const auto unbiased = [](const Var& x, Axes axes, bool keep) { return tempera::var(x, axes, keep, true); };
  compare(unbiased,
          [](const std::vector<double>& x, std::vector<double>& slope) {
            return twin_var(x, slope, static_cast<double>(x.size()) - 1);
          },
          {7, 11, 13}, {1, 2});
}

TEST_CASE("reductions of worked numbers", "[ops][reductions]") {
  const Tensor x = f64({2, 2}, {3, 4, 0, 0});
  const auto by = [](auto f) { return [f](std::span<const Var> v) { return f(v[0], 1, false); }; };
  check_close(play(by(tempera::norm), {x}).y, f64({2}, {5, 0}));
  check_close(play(by(tempera::norm), {x}).dx[0], f64({2, 2}, {0.6, 0.8, 0, 0}));  // 0 at the zero vector
  check_close(play(by(tempera::max), {x}).dx[0], f64({2, 2}, {0, 1, 0.5, 0.5}));   // ties share
  check_close(play(by(tempera::min), {x}).dx[0], f64({2, 2}, {1, 0, 0.5, 0.5}));
  const auto spread = [](std::span<const Var> v) { return tempera::var(v[0], 0); };
  check_close(play(spread, {f64({4}, {1, 2, 3, 6})}).y, f64({}, {3.5}));
  check_close(play(spread, {f64({4}, {1, 2, 3, 6})}).dx[0], f64({4}, {-1, -0.5, 0, 1.5}));
}

TEST_CASE("reductions of extreme values have stated outcomes", "[ops][reductions]") {
  const auto lse = [](std::span<const Var> v) { return logsumexp(v[0], 1); };
  const Played masked = play(lse, {f64({4, 2}, {-kInf, -kInf, -kInf, 2, 1e4, 1e4, -1e4, -1e4})});
  check_close(masked.y, f64({4}, {-kInf, 2, 1e4 + std::log(2), -1e4 + std::log(2)}));
  check_close(masked.dx[0], f64({4, 2}, {0, 0, 0, 1, 0.5, 0.5, 0.5, 0.5}));
  const Played over = play(lse, {f64({1, 2}, {kInf, 0})});
  check_close(over.y, f64({1}, {kInf}));
  CHECK(std::isnan(over.dx[0].at(0)));
  check_close(play(lse, {Tensor::empty({2, 0}, DType::float64)}).y, f64({2}, {-kInf, -kInf}));

  for (Index at : {0, 5, 16, 18}) {  // in full registers and in the tail
    Tensor x = random_tensor({1, 19}, 3);
    x.set(at, kNaN);
    const auto one = [&](auto f) {
      return play([f](std::span<const Var> v) { return f(v[0], 1, false); }, {x}).y.at(0);
    };
    CHECK(std::isnan(one(tempera::max)));
    CHECK(std::isnan(one(tempera::min)));
    CHECK(std::isnan(one(tempera::sum)));
    CHECK(std::isnan(one(tempera::logsumexp)));
    CHECK(std::isnan(one(tempera::norm)));
  }
  Tape tape;
  CHECK(std::isnan(mean(tape.constant(Tensor::empty({0}, DType::float32))).value().item()));
  CHECK(std::isnan(var(tape.constant(Tensor::full({1}, DType::float32, 2)), {}, false, true).value().item()));
  CHECK(sum(tape.constant(Tensor::empty({2, 0}, DType::float32)), 0).shape() == Shape{0});
  CHECK(max(tape.constant(Tensor::empty({0, 3}, DType::float32)), 1).shape() == Shape{0});
  // Two passes: a variance of 1 on top of 1e4 survives float32.
  Tensor far = Tensor::empty({1000}, DType::float32);
  for (Index i = 0; i < 1000; ++i) far.set(i, 1e4 + (i % 2 ? 1 : -1));
  CHECK(var(tape.constant(far)).value().item() == Approx(1).epsilon(1e-6));
}

TEST_CASE("a float32 sum of a million equal numbers is off by a few ulp", "[ops][reductions]") {
  const Index n = 1 << 20;
  const double exact = static_cast<double>(0.1f);
  for (const Shape& shape : {Shape{n, 1}, Shape{1, n}, Shape{n / 16, 16}, Shape{64, n / 64}}) {
    Tape tape;
    const Var x = tape.constant(Tensor::full(shape, DType::float32, 0.1));
    const double got = sum(x).value().item(), wanted = exact * static_cast<double>(n);
    CHECK(std::abs(got - wanted) <= 16 * 1.2e-7 * wanted);
    const double rows = sum(x, 0).value().at(0), wanted_rows = exact * static_cast<double>(shape[0]);
    CHECK(std::abs(rows - wanted_rows) <= 16 * 1.2e-7 * wanted_rows);
  }
}

TEST_CASE("reductions give the same bits on any number of threads", "[ops][reductions]") {
  const Tensor x = random_tensor({37, 61, 53}, 4, -2, 2, DType::float32);
  for (const Axes& axes : {Axes{}, Axes{0}, Axes{1}, Axes{2}, Axes{0, 2}}) {
    const auto f = [&](std::span<const Var> v) { return logsumexp(v[0], axes); };
    const Played one = play(f, {x}), four = play(f, {x}, {}, 4);
    CHECK(same_bits(one.y, four.y));
    CHECK(same_bits(one.dx[0], four.dx[0]));
  }
}

TEST_CASE("argmax finds the first maximum along any axis", "[ops][reductions]") {
  const Tensor x = f64({2, 3}, {1, 5, 5, 7, -1, 7});
  CHECK(argmax(x).to_vector() == std::vector<double>{1, 0});
  CHECK(argmax(x, 0).to_vector() == std::vector<double>{1, 0, 1});
  CHECK(argmax(f64({3}, {1, kNaN, kNaN})).item() == 1);
  CHECK(argmax(Tensor::from<std::int32_t>({3}, {1, 9, 3})).item() == 1);
  CHECK(argmax(x).dtype() == DType::int32);
  CHECK(argmax(Tensor::empty({0, 3}, DType::float32)).shape() == Shape{0});
}

TEST_CASE("reductions refuse what they cannot do", "[ops][reductions]") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}, DType::float32));
  CHECK(error_of([&] { sum(x, 2); }) == "sum: axis 2 is outside [-2, 2) of shape [2, 3]");
  CHECK(error_of([&] { mean(x, {0, -2}); }) == "mean: axis 0 of shape [2, 3] is named twice; name each axis once");
  CHECK(error_of([&] { norm(x, {0, 1, 2, 3, 4, 5}); }) == "norm: 6 axes came; a tensor has at most 5");
  CHECK(error_of([&] { var(tape.constant(Tensor::zeros({2}, DType::int32))); }) ==
        "var: x is int32 [2]; float32 or float64 was wanted; convert it with Tensor::to");
  const std::string nothing =
      "shape [2, 0] has no element along the reduced axes, so there is nothing to choose; leave empty tensors out";
  const Var none = tape.constant(Tensor::zeros({2, 0}, DType::float32));
  CHECK(error_of([&] { max(none, 1); }) == "max: " + nothing);
  CHECK(error_of([&] { min(none, 1); }) == "min: " + nothing);
  CHECK(error_of([&] { argmax(none.value()); }) ==
        "argmax: axis 1 of shape [2, 0] has no element, so there is nothing to choose; leave empty tensors out");
  CHECK(error_of([&] { argmax(x.value(), 5); }) == "argmax: axis 5 is outside [-2, 2) of shape [2, 3]");
}
