#include "attention/normalizers/credal.h"

#include "tests/support/attention.h"

using namespace tempera;

namespace {

const std::vector<double> kRow{2, 1, 0, -1};

double vacuity(const std::vector<double>& s, DType dtype = DType::float64) {
  const Tensor parts = weights_of(*make_vacuity(), s, false, dtype);
  double sum = 0;
  for (Index i = 0; i < parts.size(); ++i) sum += parts.at(i);
  return sum;
}

std::vector<double> moved(double by) {
  std::vector<double> s = kRow;
  for (double& x : s) x += by;
  return s;
}

}  // namespace

TEST_CASE("credal attention", "[attention][sheets]") {
  const auto credal = made(CredalOptions());
  check_close(weights_of(*credal, kRow), f64({4}, {0.542096, 0.240273, 0.129239, 0.088392}), 1e-6);
  CHECK(vacuity(kRow) == Approx(0.258478).epsilon(1e-5));
  check_close(weights_of(*credal, moved(-5)), f64({4}, {0.257470, 0.249751, 0.246912, 0.245867}), 1e-6);
  check_close(weights_of(*credal, moved(5)), f64({4}, {0.642991, 0.236914, 0.087526, 0.032569}), 1e-6);
  CHECK(vacuity(moved(-5)) == Approx(0.981037).epsilon(1e-5));
  CHECK(vacuity(moved(5)) == Approx(0.002343).epsilon(1e-3));
  CHECK(vacuity(moved(10)) == Approx(1.5825e-05).epsilon(1e-4));
}

TEST_CASE("credal weights mix the softmax with the mean", "[attention][sheets]") {
  const auto credal = made(CredalOptions());
  for (const double by : {-3., 0., 4.}) {
    const double u = vacuity(moved(by));
    Tensor wanted = weights_of(Softmax(), kRow).clone();
    wanted.vec<double>() = wanted.vec<double>() * (1 - u) + u / 4;
    check_close(weights_of(*credal, moved(by)), wanted);
  }
  for (const std::size_t n : {1U, 2U, 50U}) CHECK(vacuity(std::vector<double>(n, 0.)) == Approx(0.5).epsilon(1e-14));
  for (const double s : {1000., -1000.}) {
    CHECK(weights_of(*credal, {s, s, s, s}, false, DType::float32).vec<float>().sum() == 1);
    CHECK(vacuity({s, s, s, s}, DType::float32) == (s > 0 ? 0 : 1));
  }
}

TEST_CASE("the uncertainty of every query is an attention over ones", "[attention]") {
  const auto parts = make_vacuity();
  auto inputs = attention_inputs({2, 2, 1, 9, 9, 3}, *parts);
  inputs[2] = Tensor::full({2, 1, 9, 1}, DType::float64, 1);
  const Tensor u = play(attention_function(*parts, AttentionKernel::blocks, {.causal = true}), inputs).y;
  CHECK(u.shape() == Shape{2, 2, 9, 1});
  for (Index i = 0; i < 9; ++i) {  // of the first head
    std::vector<double> scores;
    for (Index j = 0; j <= i; ++j) {
      double s = 0;
      for (Index c = 0; c < 3; ++c) s += 0.7 * inputs[0].at(i * 3 + c) * inputs[1].at(j * 3 + c);
      scores.push_back(s);
    }
    CHECK(u.at(i) == Approx(vacuity(scores)).epsilon(1e-12));
  }
}

TEST_CASE("credal weights have a floor, and much evidence is the softmax", "[attention][sheets]") {
  const auto credal = made(CredalOptions());
  const double most =
      (weights_of(*credal, moved(10)).vec<double>() - weights_of(Softmax(), kRow).vec<double>()).abs().maxCoeff();
  CHECK(most == Approx(vacuity(moved(10)) * (0.643914 - 0.25)).epsilon(1e-5));  // U (softmax - 1 / n)
  for (const double by : {-8., 0., 3.}) {
    const Tensor w = weights_of(*credal, moved(by));
    CHECK(w.vec<double>().minCoeff() >= vacuity(moved(by)) / 4);
    CHECK(w.vec<double>().sum() == Approx(1).epsilon(1e-14));
  }
  CHECK(vacuity(moved(-40)) == Approx(1).epsilon(1e-12));
}
