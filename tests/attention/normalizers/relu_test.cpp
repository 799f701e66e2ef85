#include "attention/normalizers/relu.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> relu(const char* activation, double alpha) {
  return variant<ReluOptions>(1, [&](auto& o) {
    o.activation = activation;
    o.alpha = alpha;
  });
}

double rms(const Tensor& x) {
  return std::sqrt(x.vec<double>().square().mean());
}

}  // namespace

TEST_CASE("ReLU over the count of keys", "[attention][sheets]") {
  check_close(weights_of(*relu("relu", 1), {1, 0, -1, 2}), f64({4}, {0.25, 0, 0, 0.5}));
  check_close(weights_of(*relu("relu", 0), {1, 0, -1, 2}), f64({4}, {1, 0, 0, 2}));
  check_close(weights_of(*relu("relu_squared", 0.5), {1, 0, -1, 2}), f64({4}, {0.5, 0, 0, 2}));
  check_close(weights_of(*relu("relu6", 0), {7, 6, -1, 2}), f64({4}, {6, 6, 0, 2}));
  check_close(weights_of(*relu("identity", 1), {1, 0, -1, 2}), f64({4}, {0.25, 0, -0.25, 0.5}));
  check_close(weights_of(*relu("sigmoid", 0), {0, 1}), f64({2}, {0.5, 0.731059}), 1e-6);
  check_close(weights_of(*relu("softplus", 0), {0, 1}), f64({2}, {0.693147, 1.313262}), 1e-6);
  check_close(weights_of(*relu("gelu", 0), {0, 1}), f64({2}, {0, 0.841345}), 1e-6);
}

TEST_CASE("the identity over the count is a linear attention", "[attention][sheets]") {
  const auto identity = relu("identity", 1);
  const auto x = attention_inputs({1, 1, 1, 5, 5, 3}, *identity);
  const Tensor y = play(attention_function(*identity, AttentionKernel::blocks, {}), x).y;
  for (Index i = 0; i < 5; ++i)
    for (Index c = 0; c < 3; ++c) {
      double wanted = 0;  // q (K^T V) 0.7 / 5
      for (Index a = 0; a < 3; ++a)
        for (Index j = 0; j < 5; ++j) wanted += x[0].at(i * 3 + a) * x[1].at(j * 3 + a) * x[2].at(j * 3 + c);
      CHECK(y.at(i * 3 + c) == Approx(0.7 / 5 * wanted).epsilon(1e-12));
    }
}

TEST_CASE("the output of ReLU attention grows with the scores, and with the keys by n^(1/2 - alpha)",
          "[attention][sheets]") {
  const auto mean = relu("relu", 1);
  auto x = attention_inputs({1, 1, 1, 7, 7, 4}, *mean);
  const Function f = attention_function(*mean, AttentionKernel::blocks, {});
  const Tensor once = play(f, x).y;
  x[0].vec<double>() *= 3;
  Tensor thrice = once.clone();
  thrice.vec<double>() *= 3;
  check_close(play(f, x).y, thrice);

  for (const double alpha : {0., 0.5, 1.}) {
    const auto normalizer = relu("relu", alpha);
    const auto size = [&](Index n) {
      std::vector<Tensor> qkv;
      for (const Index tokens : {Index{64}, n, n}) {
        Tensor t = Tensor::empty({1, 4, tokens, 16}, DType::float64);
        Rng(static_cast<std::uint64_t>(qkv.size()), "start").fill_normal(t, 0, 1);
        qkv.push_back(t);
      }
      qkv[0].vec<double>() /= 0.7 * 4;  // scores of unit variance
      return rms(play(attention_function(*normalizer, AttentionKernel::blocks, {}), qkv).y);
    };
    const double exponent = std::log(size(1024) / size(16)) / std::log(64.);
    CHECK(exponent == Approx(0.5 - alpha).margin(0.05));
    if (alpha == 0.5) CHECK(size(256) == Approx(std::sqrt(0.5)).epsilon(0.05));
  }
}

TEST_CASE("rows without a positive score, and keys that come twice", "[attention][sheets]") {
  for (const double alpha : {0., 1.}) {
    const auto normalizer = relu("relu", alpha);
    auto x = attention_inputs({1, 1, 1, 3, 4, 2}, *normalizer);
    x[0] = f64({1, 1, 3, 2}, {1, 0.5, -1, -2, 0.3, 2});
    x[1] = f64({1, 1, 4, 2}, {1, 2, 0.5, 0.1, 2, 0.4, 1, 1});  // the second query's scores are below zero
    const Function f = attention_function(*normalizer, AttentionKernel::blocks, {});
    const Played once = play(f, x);
    for (Index c = 0; c < 2; ++c) {
      CHECK(once.y.at(2 + c) == 0);
      CHECK(once.dx[0].at(2 + c) == 0);
      CHECK(once.dx[0].at(c) != 0);
    }
    // The mean does not know how often all of them come; the sum does.
    std::vector<Tensor> twice{x[0]};
    for (std::size_t i : {1U, 2U}) {
      Tensor doubled = Tensor::empty({1, 1, 8, 2}, DType::float64);
      for (Index e = 0; e < 16; ++e) doubled.set(e, x[i].at(e % 8));
      twice.push_back(doubled);
    }
    Tensor wanted = once.y.clone();
    if (alpha == 0) wanted.vec<double>() *= 2;
    check_close(play(f, twice).y, wanted);
  }
}

TEST_CASE("the variance of the output is that of the values times the mean square of the weights' rows",
          "[attention][sheets]") {
  // Var O = n^(1 - 2 alpha) E h^2 Var v with values of their own; E relu(x)^2 = 1/2, E relu^2(x)^2 = 3/2 for x ~ N(0,
  // 1).
  constexpr Index n = 256, queries = 64;
  for (const auto& [name, square] : {std::pair{"relu", 0.5}, {"relu_squared", 1.5}}) {
    const auto normalizer = relu(name, 1);
    Tensor s = Tensor::empty({1, 16, queries, n}, DType::float64), v = Tensor::empty({1, 16, n, 32}, DType::float64);
    Rng(1, "scores").fill_normal(s, 0, 1);
    Rng(2, "values").fill_normal(v, 0, 1);
    Tape tape;
    ScoreAttention how;
    how.normalizer = normalizer.get();
    const Tensor w = attention_weights(tape.constant(s), how).value();
    double sum = 0;
    for (Index h = 0; h < 16; ++h)
      sum += (w.view(h * queries * n, {queries, n}).mat<double>() * v.view(h * n * 32, {n, 32}).mat<double>())
                 .array()
                 .square()
                 .mean() /
             16;
    CHECK(sum * n == Approx(square).epsilon(0.06));
  }
}
