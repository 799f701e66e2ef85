#include "core/ops/fft_conv.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"

using namespace tempera;

namespace {

Tensor drawn(const Shape& shape, std::string_view name, DType dtype = DType::float64) {
  Tensor tensor = Tensor::empty(shape, dtype);
  Rng(3, name).fill_uniform(tensor, -1, 1);
  return tensor;
}

struct Result {
  std::vector<double> y, dx, dkernel;
};

// The definition: direct sums.
Result twin(const Tensor& x, const Tensor& kernel, const Tensor& dy, FftBoundary boundary) {
  const Index N = x.shape().back(), K = kernel.shape().back(), C = kernel.rank() == 2 ? kernel.dim(0) : 1;
  Result r;
  r.y.resize(static_cast<std::size_t>(x.size()));
  r.dx.resize(static_cast<std::size_t>(x.size()));
  r.dkernel.resize(static_cast<std::size_t>(kernel.size()));
  for (Index row = 0; row < x.matrix_rows() && x.size() > 0; ++row)
    for (Index n = 0; n < N; ++n)
      for (Index k = 0; k < K; ++k) {
        if (boundary == FftBoundary::causal && k > n) continue;
        const Index out = row * N + n, in = row * N + ((n - k) % N + N) % N, tap = row % C * K + k;
        r.y[static_cast<std::size_t>(out)] += kernel.at(tap) * x.at(in);
        r.dx[static_cast<std::size_t>(in)] += kernel.at(tap) * dy.at(out);
        r.dkernel[static_cast<std::size_t>(tap)] += dy.at(out) * x.at(in);
      }
  return r;
}

Result run(const Tensor& x, const Tensor& kernel, const Tensor& dy, FftBoundary boundary, int threads) {
  Tape tape(threads);
  const Var in = tape.leaf(x), taps = tape.leaf(kernel), y = fft_conv(in, taps, boundary);
  tape.backward(y, dy);
  return {y.value().to_vector(), tape.grad(in).to_vector(), tape.grad(taps).to_vector()};
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

void check(const Shape& x_shape, const Shape& kernel_shape) {
  for (const FftBoundary boundary : {FftBoundary::causal, FftBoundary::circular}) {
    INFO("x " << to_string(x_shape) << ", kernel " << to_string(kernel_shape) << ", circular "
              << (boundary == FftBoundary::circular));
    const Tensor x = drawn(x_shape, "x"), kernel = drawn(kernel_shape, "kernel"), dy = drawn(x_shape, "dy");
    const Result slow = twin(x, kernel, dy, boundary), fast = run(x, kernel, dy, boundary, 1);
    const double size = std::sqrt(static_cast<double>(x.size() + kernel.size() + 1));
    CHECK(distance(fast.y, slow.y) <= 4e-15 * size);
    CHECK(distance(fast.dx, slow.dx) <= 4e-15 * size);
    CHECK(distance(fast.dkernel, slow.dkernel) <= 4e-15 * size);
    const Result many = run(x, kernel, dy, boundary, 4);
    CHECK(many.y == fast.y);
    CHECK(many.dx == fast.dx);
    CHECK(many.dkernel == fast.dkernel);
    const auto single = [](const Tensor& t) { return t.to(DType::float32); };
    const Result rounded = run(single(x), single(kernel), single(dy), boundary, 1);
    CHECK(distance(rounded.y, slow.y) <= 2e-6 * size);
    CHECK(distance(rounded.dkernel, slow.dkernel) <= 2e-6 * size);
  }
}

}  // namespace

TEST_CASE("convolution by FFT is the direct sum over random shapes", "[fft_conv]") {
  const Rng rng(4, "shapes");
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    const auto pick = [&](std::uint64_t at, std::uint64_t low, std::uint64_t high) {
      return static_cast<Index>(low + rng.below(trial * 8 + at, high - low + 1));
    };
    const Index b = pick(0, 1, 20), c = pick(1, 1, 4), n = pick(2, 1, 70), k = pick(3, 1, 90);
    check({b, c, n}, {c, k});
    check({b, n}, {k});
  }
}

TEST_CASE("convolution by FFT at the lengths where the plan changes", "[fft_conv]") {
  for (const Index n : {1, 2, 3, 4, 5, 8, 16, 20, 28, 31, 32, 60, 97, 128, 360})
    for (const Index k : {Index{1}, Index{2}, n, n + 1, 2 * n + 3}) check({2, 3, n}, {3, k});
  check({2, 2, 1009}, {2, 1009});
}

TEST_CASE("convolution by FFT of sizes 0", "[fft_conv]") {
  check({0, 3, 5}, {3, 2});
  check({2, 0, 5}, {0, 2});
  check({2, 3, 0}, {3, 2});
  check({2, 3, 5}, {3, 0});
  check({0}, {0});
}

TEST_CASE("convolution by FFT keeps rows apart", "[fft_conv]") {
  // A huge or infinite row leaves the bits of its neighbours alone.
  Tape tape;
  const Var kernel = tape.constant(drawn({2, 5}, "kernel"));
  Tensor x = drawn({3, 2, 12}, "x");
  const std::vector<double> before = fft_conv(tape.constant(x), kernel, FftBoundary::causal).value().to_vector();
  for (Index i = 24; i < 36; ++i) x.set(i, i == 30 ? INFINITY : 1e30);
  const std::vector<double> after = fft_conv(tape.constant(x), kernel, FftBoundary::causal).value().to_vector();
  for (std::size_t i = 0; i < before.size(); ++i)
    if (i < 24 || i >= 36) CHECK(before[i] == after[i]);
  CHECK(std::isnan(after[24]));
}

TEST_CASE("convolution by FFT refuses what does not fit", "[fft_conv]") {
  Tape tape;
  const auto of = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  CHECK_THROWS_WITH(fft_conv(of({}), of({2}), FftBoundary::causal), "fft_conv: x is a scalar; [.., N] was wanted");
  CHECK_THROWS_WITH(fft_conv(of({2, 3, 8}), of({2, 4}), FftBoundary::causal),
                    "fft_conv: the kernel is [2, 4] and x [2, 3, 8]; [K], or [C, K] for x [.., C, N], was wanted");
  CHECK_THROWS_WITH(fft_conv(of({8}), of({8, 4}), FftBoundary::circular),
                    "fft_conv: the kernel is [8, 4] and x [8]; [K], or [C, K] for x [.., C, N], was wanted");
  CHECK_THROWS_WITH(fft_conv(of({8}), of({4}, DType::float64), FftBoundary::circular),
                    "fft_conv: x is float32 and the kernel float64; both were wanted as float32 or both as float64");
}
