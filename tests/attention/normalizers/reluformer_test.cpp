#include "attention/normalizers/reluformer.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

double loss(const std::vector<double>& s, double norm, double entropy, double gamma = 1) {
  return weights_of(*make_reluformer_loss(gamma, norm, entropy), s).vec<double>().sum();
}

}  // namespace

TEST_CASE("ReLU attention of unit variance, and its loss", "[attention][sheets]") {
  const std::vector<double> s{1, 0, -1, 2};
  check_close(weights_of(*made(ReluformerOptions()), s), f64({4}, {0.707107, 0, 0, 1.414214}), 1e-6);
  CHECK(loss(s, 1, 0) == Approx(0.752039).epsilon(1e-6));
  CHECK(loss(s, 0, 1) == 0);  // 0.636514 is below 0.7 log 4
  // Equal positive scores have the entropy log n, 0.3 log n above the margin; their sum is 1 at sqrt(n / 2) / n.
  CHECK(loss(std::vector<double>(6, 2.), 0, 1) == Approx(0.3 * std::log(6.)).epsilon(1e-7));
  CHECK(loss(std::vector<double>(6, std::sqrt(3.) / 6), 1, 0) == Approx(0).margin(2e-8));
  // The spread does not know gamma.
  CHECK(loss(std::vector<double>(6, 2.), 0, 1, 3) == Approx(0.3 * std::log(6.)).epsilon(1e-7));
  const std::vector<double> dead{-1, -2, 0};
  CHECK(loss(dead, 1, 1) == 0);
  check_close(weights_of(*made(ReluformerOptions()), dead), f64({3}, {0, 0, 0}));
}

TEST_CASE("the output of ReLU attention keeps the variance of its values", "[attention][sheets]") {
  const auto normalizer = made(ReluformerOptions());
  for (const Index n : {16, 128, 1024}) {
    std::vector<Tensor> qkv;
    for (const Index tokens : {Index{256}, n, n}) {
      Tensor t = Tensor::empty({1, 8, tokens, 32}, DType::float64);
      Rng(static_cast<std::uint64_t>(qkv.size()), "start").fill_normal(t, 0, 1);
      qkv.push_back(t);
    }
    qkv[0].vec<double>() /= 0.7 * std::sqrt(32.);  // scores of unit variance
    const Tensor y = play(attention_function(*normalizer, AttentionKernel::blocks, {}), qkv).y;
    // 16 keys of 8 heads are few draws.
    CHECK(y.vec<double>().square().mean() == Approx(1).epsilon(n == 16 ? 0.1 : 0.05));
  }
}
