// Operations whose products run on matrix units: kernels/split_gemm.h.
#include "tests/support/matrix_units.h"

#include <catch2/catch.hpp>

#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/linear_cross_entropy.h"
#include "core/ops/matmul.h"
#include "core/ops/reductions.h"
#include "core/random.h"
#include "core/tape.h"

using namespace tempera;

namespace {

Tensor drawn(Shape shape, const char* name, DType dtype) {
  Tensor t = Tensor::empty(shape, dtype);
  Rng(3, name).fill_normal(t, 0, 1);
  return t;
}

// A value and the gradients of its inputs, one after the other.
template <class F>
std::vector<Tensor> played(F f, DType dtype, bool matrix_units, int threads) {
  Tape tape(threads);
  tape.set_matrix_units(matrix_units);
  const Var x = tape.leaf(drawn({3, 64, 80}, "x", dtype)), w = tape.leaf(drawn({72, 80}, "w", dtype));
  const Var y = f(x, w);
  tape.backward(y.rank() == 0 ? y : sum(y * tape.constant(drawn(y.shape(), "dy", dtype))));
  return {y.value().clone(), tape.grad(x).clone(), tape.grad(w).clone()};
}

double difference(const Tensor& a, const Tensor& b) {
  double worst = 0, size = 0;
  for (Index i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a.at(i) - b.at(i)));
    size = std::max(size, std::abs(b.at(i)));
  }
  return worst / size;
}

template <class F>
void check(F f) {
  const auto truth = played(f, DType::float64, false, 1), plain = played(f, DType::float32, false, 1);
  const auto units = played(f, DType::float32, true, 1), threads = played(f, DType::float32, true, 3);
  const auto wide = played(f, DType::float64, true, 1);
  bool other_bits = false;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    CHECK(difference(units[i], truth[i]) < 1e-6);
    CHECK(difference(threads[i], units[i]) == 0);
    CHECK(difference(wide[i], truth[i]) == 0);  // float64 stays where it is
    other_bits |= difference(units[i], plain[i]) > 0;
  }
  CHECK(other_bits);  // or nothing of this was tried
}

}  // namespace

TEST_CASE("operations on matrix units are exact, with one result for any number of threads", "[split_gemm]") {
  if (!tries_matrix_units()) return;
  SECTION("linear") {
    check([](const Var& x, const Var& w) { return linear(x, w, {}, Activation::gelu); });
  }
  SECTION("one matrix for a batch") {
    check([](const Var& x, const Var& w) { return matmul(x, w, Transpose::no, Transpose::yes); });
  }
  SECTION("a batch of products") {
    check([](const Var& x, const Var& w) { return matmul(x, x, Transpose::no, Transpose::yes) * sum(w); });
  }
  SECTION("output layer and loss") {
    check([](const Var& x, const Var& w) {
      Tensor targets = Tensor::zeros({3, 64}, DType::int32);
      for (Index i = 0; i < targets.size(); ++i) targets.set(i, static_cast<double>(i % 72));
      return linear_cross_entropy(x, w, {}, targets, {}, 192, {});
    });
  }
}
