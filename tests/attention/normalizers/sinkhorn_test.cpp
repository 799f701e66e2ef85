#include "attention/normalizers/sinkhorn.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

Tensor sinkhorn(const Tensor& scores, int steps) {
  const auto normalizer = variant<SinkhornOptions>(1, [&](auto& o) { o.steps = steps; });
  Tape tape;
  ScoreAttention how;
  how.normalizer = normalizer.get();
  const Index n = scores.dim(0);
  return attention_weights(tape.constant(scores.reshaped({1, 1, n, n})), how).value().reshaped({n, n});
}

double column_error(const Tensor& w) {
  return (w.mat<double>().colwise().sum().array() - 1).abs().maxCoeff();
}

}  // namespace

TEST_CASE("Sinkhorn of two tokens", "[attention][sheets]") {
  const Tensor s = f64({2, 2}, {1, 0, 0.5, 2});
  check_close(sinkhorn(s, 1), f64({2, 2}, {0.731059, 0.268941, 0.182426, 0.817574}), 1e-6);
  check_close(sinkhorn(s, 3), f64({2, 2}, {0.763771, 0.236229, 0.209733, 0.790267}), 1e-6);
  const double k = std::exp(2.5), a = std::sqrt(k) / (1 + std::sqrt(k));
  CHECK(a == Approx(0.777300).epsilon(1e-6));
  check_close(sinkhorn(s, 99), f64({2, 2}, {a, 1 - a, 1 - a, a}), 1e-12);
}

TEST_CASE("rows of Sinkhorn sum to one, columns come nearer with every step", "[attention][sheets]") {
  Tensor s = Tensor::empty({8, 8}, DType::float64);
  Rng(3, "scores").fill_normal(s, 0, 2);
  double before = 10;
  for (const int steps : {1, 3, 5, 21}) {
    const Tensor w = sinkhorn(s, steps);
    CHECK((w.mat<double>().rowwise().sum().array() - 1).abs().maxCoeff() < 1e-14);
    CHECK(column_error(w) < before);
    before = column_error(w);
  }
  // Constants of rows never matter, those of columns not at the end.
  Tensor rows = s.clone(), columns = s.clone();
  for (Index i = 0; i < 64; ++i) {
    rows.set(i, s.at(i) + static_cast<double>(i / 8));
    columns.set(i, s.at(i) + static_cast<double>(i % 8));
  }
  check_close(sinkhorn(rows, 3), sinkhorn(s, 3), 1e-13);
  CHECK((sinkhorn(columns, 3).vec<double>() - sinkhorn(s, 3).vec<double>()).abs().maxCoeff() > 1e-3);
  check_close(sinkhorn(columns, 999), sinkhorn(s, 999), 1e-9);
}

TEST_CASE("Sinkhorn refuses an even number of steps", "[attention][errors]") {
  SinkhornOptions options;
  options.steps = 4;
  CHECK(error_of([&] { made(options); }) == "sinkhorn: 4 steps came; an odd number ends with the rows");
  REQUIRE(options.problems().size() == 1);
}
