#include "core/ops/pool.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/random.h"

using namespace tempera;

namespace {

using Pair = std::array<Index, 2>;

Tensor drawn(const Shape& shape, std::string_view name, DType dtype = DType::float64) {
  Tensor tensor = Tensor::empty(shape, dtype);
  Rng(3, name).fill_uniform(tensor, -1, 1);
  return tensor;
}

struct Setting {
  bool largest, count_padding;
  Pair kernel, stride, padding;
};

struct Result {
  std::vector<double> y, dx;
};

// The definition, window by window.
Result twin(const Tensor& x, const Tensor& dy, const Setting& s) {
  const bool wide = x.rank() == 4;
  const Index H = wide ? x.dim(2) : 1, W = x.shape().back(), OH = wide ? dy.dim(2) : 1, OW = dy.shape().back();
  Result r;
  r.dx.resize(static_cast<std::size_t>(x.size()));
  for (Index p = 0; p < x.dim(0) * x.dim(1); ++p)
    for (Index oh = 0; oh < OH; ++oh)
      for (Index ow = 0; ow < OW; ++ow) {
        std::vector<Index> seen;
        for (Index kh = 0; kh < s.kernel[0]; ++kh)
          for (Index kw = 0; kw < s.kernel[1]; ++kw) {
            const Index ih = oh * s.stride[0] + kh - s.padding[0], iw = ow * s.stride[1] + kw - s.padding[1];
            if (ih >= 0 && ih < H && iw >= 0 && iw < W) seen.push_back((p * H + ih) * W + iw);
          }
        const double g = dy.at(static_cast<Index>(r.y.size()));
        const double count =
            static_cast<double>(s.count_padding ? s.kernel[0] * s.kernel[1] : static_cast<Index>(seen.size()));
        double sum = 0;
        Index best = seen.front();
        for (const Index at : seen) {
          sum += x.at(at) / count;
          if (x.at(at) > x.at(best)) best = at;
          if (!s.largest) r.dx[static_cast<std::size_t>(at)] += g / count;
        }
        if (s.largest) r.dx[static_cast<std::size_t>(best)] += g;
        r.y.push_back(s.largest ? x.at(best) : sum);
      }
  return r;
}

Var call(const Var& x, const Setting& s) {
  if (x.rank() == 4)
    return s.largest ? max_pool2d(x, s.kernel, s.stride, s.padding)
                     : avg_pool2d(x, s.kernel, s.stride, s.padding, s.count_padding);
  return s.largest ? max_pool1d(x, s.kernel[1], s.stride[1], s.padding[1])
                   : avg_pool1d(x, s.kernel[1], s.stride[1], s.padding[1], s.count_padding);
}

void check(const Tensor& x, const Setting& s) {
  INFO("x " << to_string(x) << ", kernel " << s.kernel[0] << " " << s.kernel[1] << ", stride " << s.stride[0] << " "
            << s.stride[1] << ", padding " << s.padding[0] << " " << s.padding[1] << ", largest " << s.largest);
  std::array<Result, 2> results;
  for (const int threads : {1, 4}) {
    Tape tape(threads);
    const Var in = tape.leaf(x), y = call(in, s);
    const Tensor dy = drawn(y.shape(), "dy");
    tape.backward(y, dy);
    Result& r = results[threads > 1];
    r = {y.value().to_vector(), tape.grad(in).to_vector()};
    if (threads > 1) continue;
    const Result slow = twin(x, dy, s);
    REQUIRE(r.y.size() == slow.y.size());
    for (std::size_t i = 0; i < slow.y.size(); ++i) REQUIRE(std::abs(r.y[i] - slow.y[i]) <= 1e-15);
    for (std::size_t i = 0; i < slow.dx.size(); ++i) REQUIRE(std::abs(r.dx[i] - slow.dx[i]) <= 1e-14);
  }
  CHECK(results[0].y == results[1].y);
  CHECK(results[0].dx == results[1].dx);
}

}  // namespace

TEST_CASE("pooling is its definition over random shapes", "[pool]") {
  const Rng rng(5, "shapes");
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    std::uint64_t next = trial * 32;
    const auto pick = [&](std::uint64_t low, std::uint64_t high) {
      return static_cast<Index>(low + rng.below(next++, high - low + 1));
    };
    Setting s{};
    for (std::size_t axis : {0u, 1u}) {
      s.kernel[axis] = pick(1, 4);
      s.stride[axis] = pick(1, 4);
      s.padding[axis] = pick(0, static_cast<std::uint64_t>(s.kernel[axis] / 2));
    }
    const Tensor x = drawn({pick(0, 3), pick(1, 5), pick(4, 9), pick(4, 70)}, "x");
    const Tensor row = x.reshaped({x.dim(0), x.dim(1) * x.dim(2), x.dim(3)});
    for (const bool largest : {false, true})
      for (const bool count_padding : {false, true}) {
        s.largest = largest;
        s.count_padding = count_padding;
        check(x, s);
        check(row, {largest, count_padding, {1, s.kernel[1]}, {1, s.stride[1]}, {0, s.padding[1]}});
      }
  }
  check(drawn({40, 5, 30, 31}, "many panels"), {true, true, {3, 3}, {1, 1}, {1, 1}});
}

TEST_CASE("max pooling at ties, NaN and infinities", "[pool]") {
  Tape tape;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto pooled = [&](std::initializer_list<double> values, std::initializer_list<double> winners) {
    const Var x = tape.leaf(Tensor::from<double>({4}, values));
    const Var y = max_pool1d(x, 4);
    tape.backward(y, Tensor::from<double>({1}, {1}));
    CHECK(tape.grad(x).to_vector() == std::vector<double>(winners));
    return y.value().item();
  };
  CHECK(pooled({1, 3, 3, 2}, {0, 1, 0, 0}) == 3);
  CHECK(pooled({-infinity, -infinity, -infinity, -infinity}, {1, 0, 0, 0}) == -infinity);
  CHECK(pooled({-infinity, -1e4, infinity, 0}, {0, 0, 1, 0}) == infinity);
  CHECK(std::isnan(pooled({1, nan, infinity, nan}, {0, 1, 0, 0})));
  CHECK(pooled({-0.0, 0.0, -1, -1}, {1, 0, 0, 0}) == 0);
}

TEST_CASE("pooling of sizes 0 and 1", "[pool]") {
  Tape tape;
  const auto of = [&](const Shape& shape) { return tape.leaf(Tensor::zeros(shape, DType::float32)); };
  CHECK(max_pool1d(of({0, 4}), 2).shape() == Shape{0, 2});
  CHECK(max_pool1d(of({3, 0}), 2, 1, 1).shape() == Shape{3, 0});
  CHECK(avg_pool1d(of({3, 0}), 2, 1, 1).shape() == Shape{3, 0});
  CHECK(avg_pool2d(of({0, 2, 4, 4}), {2, 2}).shape() == Shape{0, 2, 2, 2});
  CHECK(max_pool2d(of({1, 1}), {1, 1}).shape() == Shape{1, 1});
}

TEST_CASE("pooling refuses what does not fit", "[pool]") {
  Tape tape;
  const auto of = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  CHECK_THROWS_WITH(max_pool1d(of({}), 2), "max_pool1d: x is []; at least 1 axis was wanted");
  CHECK_THROWS_WITH(avg_pool2d(of({3}), {2, 2}), "avg_pool2d: x is [3]; at least 2 axes were wanted");
  CHECK_THROWS_WITH(max_pool1d(of({5}), 0), "max_pool1d: the kernel along L is 0; at least 1 was wanted");
  CHECK_THROWS_WITH(avg_pool1d(of({5}), 2, -1),
                    "avg_pool1d: the stride along L is -1; at least 1 was wanted, or 0 for the kernel's extent");
  CHECK_THROWS_WITH(max_pool2d(of({5, 5}), {2, 2}, {1, 1}, {-1, 0}),
                    "max_pool2d: the padding along H is -1; at least 0 was wanted");
  CHECK_THROWS_WITH(max_pool2d(of({5, 5}), {2, 2}, {1, 1}, {0, 2}),
                    "max_pool2d: the padding along W is 2; at most half the kernel 2 was wanted");
  CHECK_THROWS_WITH(avg_pool1d(of({3}), 5),
                    "avg_pool1d: the kernel reaches over 5 elements along L, but the padded input has 3; pad more or "
                    "shorten the kernel");
  CHECK_THROWS_WITH(max_pool1d(of({3}, DType::int32), 2), "max_pool1d: x is int32; convert it to float32 or float64");
}
