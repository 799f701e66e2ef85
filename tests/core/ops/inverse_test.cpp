#include "core/ops/inverse.h"

#include <Eigen/LU>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"

using namespace tempera;

namespace {

Tensor drawn(const Shape& shape, std::string_view name, DType dtype = DType::float64) {
  Tensor tensor = Tensor::empty(shape, dtype);
  Rng(6, name).fill_uniform(tensor, -1, 1);
  return tensor;
}

}  // namespace

TEST_CASE("the inverse times the matrix is the identity, and agrees with Eigen's", "[inverse]") {
  for (const Index n : {1, 2, 3, 5, 8, 13, 16, 17, 31, 64})
    for (const DType dtype : {DType::float32, DType::float64}) {
      const double epsilon = dtype == DType::float32 ? 6e-8 : 1.2e-16;
      const Tensor x = drawn({3, n, n}, "x", dtype);
      Tape tape;
      const Tensor y = inverse(tape.constant(x)).value(), wide = x.to(DType::float64), result = y.to(DType::float64);
      for (Index b = 0; b < 3; ++b) {
        const Matrix<double> a = wide.rows(b, 1).reshaped({n, n}).mat<double>();
        const Matrix<double> inv = result.rows(b, 1).reshaped({n, n}).mat<double>();
        const Matrix<double> truth = a.fullPivLu().inverse();
        const double condition = a.cwiseAbs().colwise().sum().maxCoeff() * truth.cwiseAbs().colwise().sum().maxCoeff();
        const double bound = 10 * static_cast<double>(n) * epsilon * condition;
        CHECK((inv - truth).cwiseAbs().maxCoeff() <= bound * truth.cwiseAbs().maxCoeff());
        CHECK((inv * a - Matrix<double>::Identity(n, n)).cwiseAbs().maxCoeff() <= bound * condition);
      }
    }
}

TEST_CASE("the inverse has the same bits for any thread count", "[inverse]") {
  const Tensor x = drawn({19, 7, 7}, "x"), dy = drawn({19, 7, 7}, "dy");
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 4}) {
    Tape tape(threads);
    const Var in = tape.leaf(x), y = inverse(in);
    tape.backward(y, dy);
    results.push_back(y.value().to_vector());
    results.push_back(tape.grad(in).to_vector());
  }
  CHECK(results[0] == results[2]);
  CHECK(results[1] == results[3]);
}

TEST_CASE("the inverse at its edges", "[inverse]") {
  Tape tape;
  CHECK(inverse(tape.constant(Tensor::zeros({0, 3, 3}, DType::float32))).shape() == Shape{0, 3, 3});
  CHECK(inverse(tape.constant(Tensor::zeros({2, 0, 0}, DType::float32))).shape() == Shape{2, 0, 0});
  // A permutation needs its rows exchanged; tiny and huge scales are no matter.
  const Tensor swap = Tensor::from<double>({3, 3}, {0, 1, 0, 0, 0, 1, 1, 0, 0});
  CHECK(inverse(tape.constant(swap)).value().to_vector() == std::vector<double>{0, 0, 1, 1, 0, 0, 0, 1, 0});
  CHECK(inverse(tape.constant(Tensor::full({1, 1}, DType::float64, 1e-300))).value().item() == Approx(1e300));
}

TEST_CASE("the inverse refuses what has none", "[inverse]") {
  Tape tape;
  const auto of = [&](const Tensor& x) { return tape.constant(x); };
  CHECK_THROWS_WITH(inverse(of(Tensor::zeros({4}, DType::float32))),
                    "inverse: x is [4]; square matrices [.., n, n] were wanted");
  CHECK_THROWS_WITH(inverse(of(Tensor::zeros({4, 3}, DType::float32))),
                    "inverse: x is [4, 3]; square matrices [.., n, n] were wanted");
  CHECK_THROWS_WITH(inverse(of(Tensor::zeros({3, 3}, DType::int32))),
                    "inverse: x is int32; convert it to float32 or float64");
  CHECK_THROWS_WITH(inverse(of(Tensor::from<double>({3, 2, 2}, {1, 0, 0, 1, 1, 2, 2, 4, 0, 0, 0, 0}))),
                    "inverse: matrix 1 of x [3, 2, 2] has no inverse in float64 (condition number inf); add a multiple "
                    "of the identity, or leave it out");
  const Tensor close = Tensor::from<double>({2, 2}, {1, 1, 1, 1 + 1e-9});
  CHECK(inverse(of(close)).value().at(0) == Approx(1e9).epsilon(1e-6));
  CHECK_THROWS_WITH(inverse(of(close.to(DType::float32))),
                    "inverse: matrix 0 of x [2, 2] has no inverse in float32 (condition number inf); add a multiple of "
                    "the identity, or leave it out");
  const Tensor nearly = Tensor::from<float>({2, 2}, {1, 1, 1, 1.0000001f});
  CHECK_THROWS_WITH(
      inverse(of(nearly)),
      "inverse: matrix 0 of x [2, 2] has no inverse in float32 (condition number 3.4e+07); add a multiple "
      "of the identity, or leave it out");
  CHECK_THROWS_AS(inverse(of(Tensor::full({2, 2}, DType::float64, std::nan("")))), Error);
  CHECK_THROWS_AS(inverse(of(Tensor::from<double>({2, 2}, {1, 0, 0, INFINITY}))), Error);
}
