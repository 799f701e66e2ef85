#include "attention/outliers.h"

#include "tests/support/twins.h"

using namespace tempera;

namespace {

Tensor ones_with(Index rows, Index cols, double planted) {
  Tensor x = Tensor::full({rows, cols}, DType::float64, 1);
  x.set(3 * cols + 7, planted);
  return x;
}

// Every token attends to all before it alike.
Tensor uniform_causal(Index n) {
  Tensor w = Tensor::zeros({1, n, n}, DType::float64);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) w.set(i * n + j, 1 / static_cast<double>(i + 1));
  return w;
}

}  // namespace

TEST_CASE("activations that stand out by a thousand", "[attention][sheets]") {
  CHECK(activation_outliers(ones_with(10, 100, 2000)).empty());
  CHECK(activation_outliers(ones_with(10, 100, 5000)).empty());  // they raise the mean
  CHECK(activation_outliers(ones_with(10, 1000, -5000)) == std::vector<Index>{3});
  CHECK(activation_outliers(ones_with(10, 100, 2000), 600) == std::vector<Index>{3});
}

TEST_CASE("keys that gather attention", "[attention][sheets]") {
  CHECK(attention_sinks(uniform_causal(64)).empty());       // H_64 = 4.74 < 6.4
  CHECK(attention_sinks(uniform_causal(16)).front() == 0);  // H_16 = 3.38 > 1.6, which means nothing
  Tensor sink = Tensor::zeros({2, 64, 64}, DType::float64);
  for (Index row = 0; row < 128; ++row) sink.set(row * 64 + (row < 64 ? 0 : row % 64), 1);
  CHECK(attention_sinks(sink) == std::vector<Index>{0});
}

TEST_CASE("rows and columns of weights that stand out", "[attention]") {
  const Tensor w = ones_with(8, 16, 31);
  CHECK(row_outlier(w).where == 3);
  CHECK(row_outlier(w).ratio == Approx(31 * 16 / 46.));
  CHECK(row_outlier(w).over_median == Approx(31 * 16 / 46.));
  CHECK(column_outlier(w).where == 7);
  CHECK(column_outlier(w).ratio == Approx(31 * 8 / 38.));
  CHECK(error_of([] { row_outlier(Tensor::scalar(1)); }) ==
        "outliers: " + fmt::format("{}", Tensor::scalar(1)) + " came; a matrix with entries was wanted");
}
