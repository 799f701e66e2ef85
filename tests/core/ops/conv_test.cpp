#include "core/ops/conv.h"

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
  std::vector<double> y, dx, dweight, dbias;
};

// The definition: y and the gradients for dy, one term after the other. conv1d is the case H = KH = 1; `before` is
// the padding before the first element.
Result twin(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& dy, const Conv2dOptions& o,
            std::array<Index, 2> before) {
  const bool wide = x.rank() == 4;
  const Index B = x.dim(0), C = x.dim(1), H = wide ? x.dim(2) : 1, W = x.shape().back(), O = weight.dim(0);
  const Index G = weight.dim(1), KH = wide ? weight.dim(2) : 1, KW = weight.shape().back();
  const Index OH = wide ? dy.dim(2) : 1, OW = dy.shape().back();
  Result r;
  r.y.resize(static_cast<std::size_t>(dy.size()));
  r.dx.resize(static_cast<std::size_t>(x.size()));
  r.dweight.resize(static_cast<std::size_t>(weight.size()));
  r.dbias.resize(static_cast<std::size_t>(O));
  for (Index b = 0; b < B; ++b)
    for (Index f = 0; f < O; ++f)
      for (Index oh = 0; oh < OH; ++oh)
        for (Index ow = 0; ow < OW; ++ow) {
          const Index at = ((b * O + f) * OH + oh) * OW + ow;
          double sum = bias.at(f);
          r.dbias[static_cast<std::size_t>(f)] += dy.at(at);
          for (Index c = 0; c < G; ++c)
            for (Index kh = 0; kh < KH; ++kh)
              for (Index kw = 0; kw < KW; ++kw) {
                const Index ih = oh * o.stride[0] + kh * o.dilation[0] - before[0];
                const Index iw = ow * o.stride[1] + kw * o.dilation[1] - before[1];
                if (ih < 0 || ih >= H || iw < 0 || iw >= W) continue;
                const Index channel = f / (O / o.groups) * (C / o.groups) + c;
                const Index in = ((b * C + channel) * H + ih) * W + iw, tap = ((f * G + c) * KH + kh) * KW + kw;
                sum += weight.at(tap) * x.at(in);
                r.dx[static_cast<std::size_t>(in)] += weight.at(tap) * dy.at(at);
                r.dweight[static_cast<std::size_t>(tap)] += dy.at(at) * x.at(in);
              }
          r.y[static_cast<std::size_t>(at)] = sum;
        }
  return r;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

Var call(const Var& x, const Var& weight, const Var& bias, const Conv2dOptions& o, bool causal) {
  if (x.rank() == 4) return conv2d(x, weight, bias, o);
  return conv1d(x, weight, bias, {o.stride[1], o.padding[1], o.dilation[1], o.groups, causal});
}

Result run(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& o, bool causal, int threads,
           Tensor* dy_out = nullptr) {
  Tape tape(threads);
  const Var in = tape.leaf(x), filter = tape.leaf(weight), shift = tape.leaf(bias);
  const Var y = call(in, filter, shift, o, causal);
  const Tensor dy = drawn(y.shape(), "dy").to(x.dtype());
  if (dy_out) *dy_out = dy;
  tape.backward(y, dy);
  return {y.value().to_vector(), tape.grad(in).to_vector(), tape.grad(filter).to_vector(),
          tape.grad(shift).to_vector()};
}

void check(const Shape& x_shape, const Shape& weight_shape, const Conv2dOptions& o, bool causal = false) {
  INFO("x " << to_string(x_shape) << ", weight " << to_string(weight_shape) << ", stride " << o.stride[0] << " "
            << o.stride[1] << ", padding " << o.padding[0] << " " << o.padding[1] << ", dilation " << o.dilation[0]
            << " " << o.dilation[1] << ", groups " << o.groups << ", causal " << causal);
  const Tensor x = drawn(x_shape, "x"), weight = drawn(weight_shape, "weight"), bias = drawn({weight_shape[0]}, "bias");
  Tensor dy;
  const Result fast = run(x, weight, bias, o, causal, 1, &dy);
  std::array<Index, 2> before = o.padding;
  if (x.rank() == 3) before[0] = 0;
  if (causal) before[1] = (weight_shape.back() - 1) * o.dilation[1];
  const Result slow = twin(x, weight, bias, dy, o, before);
  const double bound = 1e-15 * static_cast<double>(10 + x.size() + weight.size());
  CHECK(distance(fast.y, slow.y) <= bound);
  CHECK(distance(fast.dx, slow.dx) <= bound);
  CHECK(distance(fast.dweight, slow.dweight) <= bound);
  CHECK(distance(fast.dbias, slow.dbias) <= bound);
  const Result many = run(x, weight, bias, o, causal, 4);
  CHECK(many.y == fast.y);
  CHECK(many.dx == fast.dx);
  CHECK(many.dweight == fast.dweight);
  CHECK(many.dbias == fast.dbias);
  const auto single = [](const Tensor& t) { return t.to(DType::float32); };
  const double rounding = 2e-7 * static_cast<double>(50 + weight.size() / std::max<Index>(1, weight.dim(0)));
  CHECK(distance(run(single(x), single(weight), single(bias), o, causal, 1).y, slow.y) <= rounding);
}

}  // namespace

TEST_CASE("convolution is its definition over random shapes", "[conv]") {
  const Rng rng(12, "shapes");
  for (std::uint64_t trial = 0; trial < 150; ++trial) {
    std::uint64_t next = trial * 32;
    const auto pick = [&](std::uint64_t low, std::uint64_t high) {
      return static_cast<Index>(low + rng.below(next++, high - low + 1));
    };
    Conv2dOptions o;
    o.groups = pick(1, 3);
    const Index inside = pick(1, 3), filters = o.groups * pick(1, 6);
    for (std::size_t axis : {0u, 1u}) {
      o.stride[axis] = pick(1, 3);
      o.padding[axis] = pick(0, 3);
      o.dilation[axis] = pick(1, 2);
    }
    const Index kh = pick(1, 3), kw = pick(1, 4), h = pick(5, 9), w = pick(7, 37), b = pick(0, 10);
    check({b, o.groups * inside, h, w}, {filters, inside, kh, kw}, o);
    check({b, o.groups * inside, w}, {filters, inside, kw}, o);
    o.padding[1] = 0;
    check({b, o.groups * inside, w}, {filters, inside, kw}, o, true);
  }
}

TEST_CASE("convolution by stencil and by long tiles", "[conv]") {
  for (const Index width : {1, 15, 16, 17, 64, 67, 200}) {
    check({2, 3, width}, {3, 1, 5}, {.padding = {0, 2}, .groups = 3});
    check({2, 3, width}, {3, 1, 4}, {.groups = 3}, true);
    check({2, 2, 3, width}, {4, 1, 3, 3}, {.padding = {1, 1}, .groups = 2});
  }
  check({1, 2, 5000}, {3, 2, 20}, {});        // several tiles
  check({3, 40, 11, 13}, {5, 40, 3, 3}, {});  // patches longer than a tile is wide
  check({9, 2, 31}, {7, 2, 1}, {});           // pointwise, more samples than chunks
  check({17, 1, 1}, {1, 1, 1}, {});
}

TEST_CASE("convolution of sizes 0", "[conv]") {
  check({0, 2, 5}, {3, 2, 3}, {});
  check({2, 0, 5}, {3, 0, 3}, {});
  check({2, 3, 5}, {0, 3, 3}, {});
  check({2, 3, 5}, {0, 1, 3}, {.groups = 3});
  check({2, 3, 0}, {4, 3, 3}, {}, true);
  check({2, 3, 0}, {4, 3, 2}, {.padding = {0, 1}});  // zeros alone: the bias
}

TEST_CASE("convolution takes huge values and passes infinities on", "[conv]") {
  Tape tape;
  const Tensor weight = Tensor::full({1, 1, 3}, DType::float32, 1e4);
  Tensor x = Tensor::full({1, 1, 20}, DType::float32, 1e4);
  CHECK(conv1d(tape.constant(x), tape.constant(weight)).value().at(7) == Approx(3e8));
  x.set(4, INFINITY);
  const Tensor y = conv1d(tape.constant(x), tape.constant(weight)).value();
  CHECK((std::isinf(y.at(2)) && std::isinf(y.at(4)) && std::isfinite(y.at(5))));
}

TEST_CASE("convolution refuses what does not fit", "[conv]") {
  Tape tape;
  const auto of = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const Var x = of({2, 4, 9}), w = of({6, 4, 3}), image = of({2, 4, 9, 9}), w2 = of({6, 4, 3, 3});
  CHECK_THROWS_WITH(conv1d(image, w), "conv1d: x is [2, 4, 9, 9]; [B, C, L] was wanted");
  CHECK_THROWS_WITH(conv2d(x, w2), "conv2d: x is [2, 4, 9]; [B, C, H, W] was wanted");
  CHECK_THROWS_WITH(conv1d(x, w2), "conv1d: the weight is [6, 4, 3, 3]; [O, C / groups, K] was wanted");
  CHECK_THROWS_WITH(conv2d(image, w), "conv2d: the weight is [6, 4, 3]; [O, C / groups, KH, KW] was wanted");
  CHECK_THROWS_WITH(conv1d(x, of({6, 4, 3}, DType::float64)),
                    "conv1d: x is float32 but the weight is float64; convert one of them");
  CHECK_THROWS_WITH(conv1d(x, w, of({6}, DType::float64)),
                    "conv1d: x is float32 but the bias is float64; convert one of them");
  CHECK_THROWS_WITH(conv1d(x, w, of({4})), "conv1d: the bias is [4]; [6] was wanted, one number a filter");
  CHECK_THROWS_WITH(conv1d(x, w, {.groups = 3}),
                    "conv1d: 3 groups came; a number was wanted that divides 4 channels and 6 filters");
  CHECK_THROWS_WITH(conv1d(x, w, {.groups = 0}),
                    "conv1d: 0 groups came; a number was wanted that divides 4 channels and 6 filters");
  CHECK_THROWS_WITH(conv1d(x, w, {.groups = 2}),
                    "conv1d: the weight [6, 4, 3] reads 4 channels a group, but x [2, 4, 9] has 2 in each of 2 groups");
  CHECK_THROWS_WITH(conv1d(x, of({6, 4, 0})), "conv1d: the kernel along L is 0; at least 1 was wanted");
  CHECK_THROWS_WITH(conv1d(x, w, {.stride = 0}), "conv1d: the stride along L is 0; at least 1 was wanted");
  CHECK_THROWS_WITH(conv1d(x, w, {.dilation = 0}), "conv1d: the dilation along L is 0; at least 1 was wanted");
  CHECK_THROWS_WITH(conv2d(image, w2, {.padding = {0, -1}}),
                    "conv2d: the padding along W is -1; at least 0 was wanted");
  CHECK_THROWS_WITH(conv2d(image, w2, {.dilation = {5, 1}}),
                    "conv2d: the kernel reaches over 11 elements along H, but the padded input has 9; pad more or "
                    "shorten the kernel");
  CHECK_THROWS_WITH(conv1d(x, w, {.padding = 1, .causal = true}),
                    "conv1d: padding 1 came with causal, which pads by itself; leave one of them out");
  CHECK_THROWS_WITH(conv1d(of({1, 1, 3}, DType::int32), of({1, 1, 1}, DType::int32)),
                    "conv1d: x is int32; convert it to float32 or float64");
}
