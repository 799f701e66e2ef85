#include "core/ops/cross_entropy.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/random.h"

using namespace tempera;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Result {
  double loss;
  Tensor grad;
};

Result run(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index = -100, int threads = 1) {
  Tape tape(threads);
  const Var x = tape.leaf(logits);
  const Var y = cross_entropy(x, targets, ignore_index);
  tape.backward(y);
  return {y.value().item(), tape.grad(x).clone()};
}

// The definition, in long double.
Result twin(const Tensor& logits, const Tensor& targets, std::int32_t ignore_index) {
  const Index n = logits.matrix_cols(), rows = targets.size();
  Index count = 0;
  for (Index row = 0; row < rows; ++row) count += targets.at(row) != ignore_index;
  Result result{0, Tensor::zeros(logits.shape(), DType::float64)};
  for (Index row = 0; row < rows; ++row) {
    if (targets.at(row) == ignore_index) continue;
    const Index t = row * n + static_cast<Index>(targets.at(row));
    long double total = 0;
    for (Index c = 0; c < n; ++c) total += std::exp(static_cast<long double>(logits.at(row * n + c)));
    result.loss += static_cast<double>((std::log(total) - logits.at(t)) / count);
    for (Index c = 0; c < n; ++c) {
      const Index i = row * n + c;
      const long double p = std::exp(static_cast<long double>(logits.at(i))) / total;
      result.grad.set(i, static_cast<double>((p - (i == t)) / count));
    }
  }
  return result;
}

std::string message(const Tensor& logits, const Tensor& targets) {
  try {
    run(logits, targets);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

Tensor doubles(const Shape& shape, std::initializer_list<double> values) {
  return Tensor::from<double>(shape, values);
}
Tensor classes(const Shape& shape, std::initializer_list<std::int32_t> values) {
  return Tensor::from<std::int32_t>(shape, values);
}

}  // namespace

TEST_CASE("cross_entropy agrees with its definition", "[cross_entropy]") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Index rows = GENERATE(1, 7, 130), width = GENERATE(1, 2, 16, 17, 101);
  Tensor x = Tensor::empty({rows, width}, dtype), t = Tensor::empty({rows}, DType::int32);
  Rng(1, "logits").fill_normal(x, 0, 3);
  for (Index row = 0; row < rows; ++row) t.set(row, static_cast<double>((row * 7) % width));
  const std::int32_t ignored = width > 2 ? 1 : -100;
  const Result fast = run(x, t, ignored), slow = twin(x, t, ignored);
  const double tolerance = dtype == DType::float32 ? 2e-6 : 1e-14;
  CHECK(std::abs(fast.loss - slow.loss) <= tolerance * std::max(1.0, slow.loss));
  for (Index i = 0; i < x.size(); ++i) CHECK(std::abs(fast.grad.at(i) - slow.grad.at(i)) <= tolerance);
}

TEST_CASE("cross_entropy gives the same bits on any number of threads", "[cross_entropy]") {
  Tensor x = Tensor::empty({700, 37}, DType::float32), t = Tensor::zeros({700}, DType::int32);
  Rng(2, "logits").fill_normal(x, 0, 3);
  const Result one = run(x, t), four = run(x, t, -100, 4);
  CHECK(one.loss == four.loss);
  CHECK((one.grad.vec<float>() == four.grad.vec<float>()).all());
}

TEST_CASE("cross_entropy at the ends of the range", "[cross_entropy]") {
  SECTION("huge logits neither overflow nor lose the loss") {
    const Result right = run(doubles({1, 3}, {1e4, -1e4, 0}), classes({1}, {0}));
    CHECK(right.loss == 0);
    CHECK(right.grad.to_vector() == std::vector<double>{0, 0, 0});
    const Result wrong = run(doubles({1, 3}, {1e4, -1e4, 0}), classes({1}, {1}));
    CHECK(wrong.loss == 2e4);
    CHECK(wrong.grad.to_vector() == std::vector<double>{1, -1, 0});
  }
  SECTION("a target of probability 0 costs infinity, with a finite gradient") {
    const Result r = run(doubles({1, 2}, {0, -kInf}), classes({1}, {1}));
    CHECK(r.loss == kInf);
    CHECK(r.grad.to_vector() == std::vector<double>{1, -1});
  }
  SECTION("so does a row that is masked throughout, with gradient zero") {
    const Result r = run(doubles({2, 2}, {-kInf, -kInf, 1, 1}), classes({2}, {1, 0}));
    CHECK(r.loss == kInf);
    CHECK(r.grad.to_vector() == std::vector<double>{0, 0, -0.25, 0.25});
  }
  SECTION("+inf and NaN give NaN") {
    CHECK(std::isnan(run(doubles({1, 2}, {kInf, 0}), classes({1}, {0})).loss));
    CHECK(std::isnan(run(doubles({1, 2}, {std::nan(""), 0}), classes({1}, {1})).loss));
  }
  SECTION("no row that counts: loss 0, gradient 0") {
    const Result r = run(doubles({2, 2}, {1, 2, 3, 4}), classes({2}, {-100, -100}));
    CHECK(r.loss == 0);
    CHECK(r.grad.to_vector() == std::vector<double>{0, 0, 0, 0});
    CHECK(run(Tensor::zeros({0, 3}, DType::float32), Tensor::zeros({0}, DType::int32)).loss == 0);
    CHECK(run(Tensor::zeros({2, 0}, DType::float32), classes({2}, {-100, -100})).loss == 0);
  }
}

TEST_CASE("cross_entropy says what is wrong", "[cross_entropy][errors]") {
  const Tensor x = Tensor::zeros({2, 3}, DType::float32);
  CHECK(message(Tensor::scalar(1), classes({}, {0})) == "cross_entropy: the logits are a scalar; [.., C] was wanted");
  CHECK(message(x, Tensor::zeros({2}, DType::float32)) ==
        "cross_entropy: the targets are float32; int32 class indices were wanted");
  CHECK(message(x, classes({3}, {0, 0, 0})) ==
        "cross_entropy: the targets have shape [3], but the logits [2, 3]: [2] was wanted");
  CHECK(message(x, classes({2}, {0, 3})) ==
        "cross_entropy: the target of row 1 is 3; there are 3 classes, counted from 0, and -100 is ignored");
  CHECK(message(x, classes({2}, {-1, 0})) ==
        "cross_entropy: the target of row 0 is -1; there are 3 classes, counted from 0, and -100 is ignored");
}
