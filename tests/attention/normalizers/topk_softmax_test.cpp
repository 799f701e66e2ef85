#include "attention/normalizers/topk_softmax.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

std::unique_ptr<ScoreNormalizer> topk(int k) {
  return variant<TopkSoftmaxOptions>(1, [&](auto& o) { o.k = k; });
}

}  // namespace

TEST_CASE("softmax of the largest scores", "[attention][sheets]") {
  const std::vector<double> s{2, 1, 0.5, -1};
  check_close(weights_of(*topk(2), s), f64({4}, {0.731059, 0.268941, 0, 0}), 1e-6);
  check_close(weights_of(*topk(1), s), f64({4}, {1, 0, 0, 0}));
  check_close(weights_of(*topk(4), s), weights_of(Softmax(), s));
  check_close(weights_of(*topk(40), s), weights_of(Softmax(), s));
}

TEST_CASE("of equal scores the earlier key is the larger", "[attention]") {
  check_close(weights_of(*topk(2), {1, 3, 1, 1, 3, 3}), f64({6}, {0, 0.5, 0, 0, 0.5, 0}));
  check_close(weights_of(*topk(3), {0, -0., 0, 0}), f64({4}, {1 / 3., 1 / 3., 1 / 3., 0}));
  check_close(weights_of(*topk(1), {-kInf, -5, -kInf}), f64({3}, {0, 1, 0}));
}

TEST_CASE("as many keys as asked for, at any size and in either precision", "[attention]") {
  for (const Index n : {3, 16, 17, 40, 1000, 2100})
    for (const int k : {1, 2, 3, 7, 16, 33})
      for (const DType dtype : {DType::float32, DType::float64}) {
        const auto s = random_tensor({n}, static_cast<std::uint64_t>(n), -1e3, 1e-3).to_vector();
        const Tensor w = weights_of(*topk(k), s, false, dtype);
        auto sorted = s;
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        const double low = sorted[static_cast<std::size_t>(std::min<Index>(k, n) - 1)];
        Index wrong = 0;
        double sum = 0;
        for (Index i = 0; i < n; ++i) {
          const double x = s[static_cast<std::size_t>(i)];
          // exp underflows far below the maximum
          if (x > sorted[0] - 50 && (w.at(i) > 0) != (x >= low)) ++wrong;
          if (x < low && w.at(i) != 0) ++wrong;
          sum += w.at(i);
        }
        INFO(k << " of " << n);
        CHECK(wrong == 0);
        CHECK(sum == Approx(1).epsilon(1e-6));
      }
}
