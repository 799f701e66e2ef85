#include "core/ops/triangular_solve.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"

using namespace tempera;

namespace {

Tensor drawn(const Shape& shape, std::string_view name, double low = -1, double high = 1) {
  Tensor tensor = Tensor::empty(shape, DType::float64);
  Rng(6, name).fill_uniform(tensor, low, high);
  return tensor;
}

// Element (i, j) of the matrix that is solved with.
double element(const Tensor& a, Index batch, Index i, Index j, const TriangularOptions& o) {
  if (o.transpose) std::swap(i, j);
  const Index n = a.shape().back();
  if (i == j) return o.unit_diagonal ? 1 : a.at((batch * n + i) * n + j);
  return (j < i) == o.lower ? a.at((batch * n + i) * n + j) : 0;
}

std::vector<TriangularOptions> all_options() {
  std::vector<TriangularOptions> all;
  for (const bool lower : {true, false})
    for (const bool unit : {true, false})
      for (const bool transpose : {true, false}) all.push_back({lower, unit, transpose});
  return all;
}

}  // namespace

TEST_CASE("triangular_solve puts the right-hand side together again", "[triangular_solve]") {
  for (const TriangularOptions& o : all_options())
    for (const Index n : {0, 1, 2, 7, 16, 19})
      for (const Index m : {0, 1, 3, 17}) {
        INFO("n " << n << ", m " << m << ", lower " << o.lower << ", unit " << o.unit_diagonal << ", transpose "
                  << o.transpose);
        Tensor a = drawn({3, n, n}, "a");
        for (Index i = 0; i < 3 * n; ++i) a.set(i * n + i % n, 2 + static_cast<double>(i % 3));
        const Tensor b = drawn({3, n, m}, "b"), dy = drawn({3, n, m}, "dy");
        std::vector<std::vector<double>> results;
        for (const int threads : {1, 4}) {
          Tape tape(threads);
          const Var va = tape.leaf(a), vb = tape.leaf(b), x = triangular_solve(va, vb, o);
          tape.backward(x, dy);
          const Tensor db = tape.grad(vb), da = tape.grad(va);
          results.push_back(x.value().to_vector());
          results.push_back(db.to_vector());
          results.push_back(da.to_vector());
          for (Index p = 0; p < 3; ++p)
            for (Index i = 0; i < n; ++i) {
              for (Index k = 0; k < m; ++k) {
                double sum = 0, size = 0, back = 0;
                for (Index j = 0; j < n; ++j) {
                  const Index at = (p * n + j) * m + k;
                  sum += element(a, p, i, j, o) * x.value().at(at);
                  back += element(a, p, j, i, o) * db.at(at);
                  size += std::abs(x.value().at(at)) + std::abs(db.at(at));
                }
                const Index here = (p * n + i) * m + k;
                REQUIRE(std::abs(sum - b.at(here)) <= 1e-14 * (1 + size));
                REQUIRE(std::abs(back - dy.at(here)) <= 1e-14 * (1 + size));
              }
              for (Index j = 0; j < n; ++j) {
                double sum = 0, size = 0;
                for (Index k = 0; k < m; ++k) {
                  const Index at_i = (p * n + i) * m + k, at_j = (p * n + j) * m + k;
                  const double term = o.transpose ? x.value().at(at_i) * db.at(at_j) : db.at(at_i) * x.value().at(at_j);
                  sum -= term;
                  size += std::abs(term);
                }
                const bool read = i == j ? !o.unit_diagonal : (j < i) == o.lower;
                REQUIRE(std::abs(da.at((p * n + i) * n + j) - (read ? sum : 0)) <= 1e-14 * size);
              }
            }
        }
        for (std::size_t k = 0; k < 3; ++k) CHECK(results[k] == results[k + 3]);
      }
}

TEST_CASE("triangular_solve does not read the other triangle", "[triangular_solve]") {
  Tape tape;
  const double nan = std::nan("");
  const Tensor a = Tensor::from<double>({2, 2}, {nan, nan, 3, nan}), b = Tensor::from<double>({2, 1}, {1, 5});
  const Var x = triangular_solve(tape.constant(a), tape.constant(b), {.unit_diagonal = true});
  CHECK(x.value().to_vector() == std::vector<double>{1, 2});
}

TEST_CASE("triangular_solve refuses what does not fit", "[triangular_solve]") {
  Tape tape;
  const auto of = [&](const Shape& shape, DType dtype = DType::float32) {
    return tape.constant(Tensor::full(shape, dtype, 1));
  };
  CHECK_THROWS_WITH(triangular_solve(of({2, 3}), of({2, 1})),
                    "triangular_solve: A is [2, 3]; square matrices [.., n, n] were wanted");
  CHECK_THROWS_WITH(triangular_solve(of({3}), of({3})),
                    "triangular_solve: A is [3]; square matrices [.., n, n] were wanted");
  CHECK_THROWS_WITH(triangular_solve(of({4, 3, 3}), of({3, 3})),
                    "triangular_solve: B is [3, 3] and A [4, 3, 3]; [.., n, m] was wanted for B with the leading axes "
                    "and the n of A");
  CHECK_THROWS_WITH(triangular_solve(of({4, 3, 3}), of({4, 2, 3})),
                    "triangular_solve: B is [4, 2, 3] and A [4, 3, 3]; [.., n, m] was wanted for B with the leading "
                    "axes and the n of A");
  CHECK_THROWS_WITH(triangular_solve(of({3, 3}), of({3, 3}, DType::float64)),
                    "triangular_solve: A is float32 and B float64; both were wanted as float32 or both as float64");
  Tensor a = Tensor::full({2, 3, 3}, DType::float32, 1);
  a.set(13, 0);
  CHECK_THROWS_WITH(triangular_solve(tape.constant(a), of({2, 3, 1})),
                    "triangular_solve: element 1 on the diagonal of matrix 1 of A [2, 3, 3] is 0, so there is no "
                    "solution; add to the diagonal");
}
