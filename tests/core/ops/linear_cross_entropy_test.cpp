#include "core/ops/linear_cross_entropy.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "core/ops/linear.h"
#include "core/random.h"

using namespace tempera;

namespace {

struct Problem {
  Tensor x, w, b, targets, weights;
  CrossEntropyTerms terms;
  double normaliser = 5;
};

Problem random_problem(Index rows, Index in, Index classes, DType dtype, bool terms) {
  Problem p;
  const auto normal = [&](const Shape& shape, const char* stream, double deviation) {
    Tensor t = Tensor::empty(shape, DType::float32);
    Rng(3, stream).fill_normal(t, 0, deviation);
    return t.to(dtype);
  };
  p.x = normal({rows, in}, "x", 1);
  p.w = normal({classes, in}, "w", 0.5);
  p.targets = Tensor::empty({rows}, DType::int32);
  for (Index i = 0; i < rows; ++i) p.targets.set(i, terms && i % 5 == 3 ? -1 : static_cast<double>((i * 7) % classes));
  if (!terms) return p;
  p.b = normal({classes}, "b", 1);
  p.weights = Tensor::empty({rows}, dtype);
  for (Index i = 0; i < rows; ++i) p.weights.set(i, static_cast<double>(i % 4) / 2);
  p.terms = {0.125, 0.01, -1, Tensor::empty({classes}, dtype)};
  for (Index c = 0; c < classes; ++c) p.terms.class_weights.set(c, static_cast<double>(1 + c % 3) / 2);
  return p;
}

struct Result {
  double loss = 0;
  CrossEntropySums sums;
  std::vector<Tensor> gradients;
  std::size_t peak = 0;
};

// Twice the loss is played, so that the incoming gradient is not 1.
Result run(const Problem& p, bool fused, int threads = 1, Index chunk = 0) {
  Tape tape(threads);
  Result result;
  {
    const Var x = tape.leaf(p.x), w = tape.leaf(p.w), b = p.b.defined() ? tape.leaf(p.b) : Var();
    tape.reset_peak();
    const Var y = fused
                      ? linear_cross_entropy(x, w, b, p.targets, p.weights, p.normaliser, p.terms, &result.sums, chunk)
                      : cross_entropy(linear(x, w, b), p.targets, p.weights, p.normaliser, p.terms, &result.sums);
    tape.backward(y, Tensor::full({}, y.dtype(), 2));
    result.peak = tape.peak_bytes();
    result.loss = y.value().item();
    for (const Var& v : {x, w, b})
      if (v.defined()) result.gradients.push_back(tape.grad(v).clone());
  }
  return result;
}

// Largest difference relative to the largest entry.
double difference(const Tensor& a, const Tensor& b) {
  double worst = 0, scale = 0;
  for (Index i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a.at(i) - b.at(i)));
    scale = std::max(scale, std::abs(b.at(i)));
  }
  return scale > 0 ? worst / scale : worst;
}

std::string message(const Problem& p, Index chunk = 0) {
  try {
    run(p, true, 1, chunk);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("linear_cross_entropy agrees with the two operations one after the other", "[linear_cross_entropy]") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const bool terms = GENERATE(false, true);
  const Index rows = GENERATE(1, 67, 200), classes = GENERATE(1, 19, 300);
  const Problem p = random_problem(rows, 24, classes, dtype, terms);
  const Result apart = run(p, false);
  const double tolerance = dtype == DType::float32 ? 1e-6 : 1e-12;
  for (const Index chunk : {0, 1, 33}) {
    const Result fused = run(p, true, 1, chunk);
    INFO(rows << " rows, " << classes << " classes, chunks of " << chunk);
    CHECK(std::abs(fused.loss - apart.loss) <= tolerance * std::max(1.0, std::abs(apart.loss)));
    CHECK(fused.sums.targets == apart.sums.targets);
    CHECK(fused.sums.correct == apart.sums.correct);
    CHECK(fused.sums.weight == apart.sums.weight);
    CHECK(fused.sums.nll == Approx(apart.sums.nll).epsilon(tolerance));
    REQUIRE(fused.gradients.size() == apart.gradients.size());
    for (std::size_t i = 0; i < fused.gradients.size(); ++i)
      CHECK(difference(fused.gradients[i], apart.gradients[i]) <= tolerance);
  }
}

TEST_CASE("linear_cross_entropy gives the same bits on any number of threads", "[linear_cross_entropy]") {
  const Problem p = random_problem(300, 40, 1000, DType::float32, true);
  const Result one = run(p, true), four = run(p, true, 4);
  CHECK(one.loss == four.loss);
  CHECK(one.sums.nll == four.sums.nll);
  for (std::size_t i = 0; i < one.gradients.size(); ++i)
    CHECK(std::memcmp(one.gradients[i].raw(), four.gradients[i].raw(), one.gradients[i].bytes()) == 0);
}

TEST_CASE("linear_cross_entropy never holds the logits whole", "[linear_cross_entropy]") {
  const Problem p = random_problem(1024, 16, 8192, DType::float32, false);
  const Result fused = run(p, true), apart = run(p, false);
  CHECK(4 * fused.peak <= apart.peak);
}

TEST_CASE("linear_cross_entropy makes only the gradients that are wanted", "[linear_cross_entropy]") {
  const Problem p = random_problem(9, 4, 6, DType::float64, true);
  const Result all = run(p, true);
  Tape tape;
  SECTION("of the weight alone") {
    const Var w = tape.leaf(p.w);
    const Var y =
        linear_cross_entropy(tape.constant(p.x), w, tape.constant(p.b), p.targets, p.weights, p.normaliser, p.terms);
    tape.backward(y);
    CHECK(difference(tape.grad(w), all.gradients[1]) == 0.5);
  }
  SECTION("none") {
    const Var y = linear_cross_entropy(tape.constant(p.x), tape.constant(p.w), tape.constant(p.b), p.targets, p.weights,
                                       p.normaliser, p.terms);
    CHECK(y.value().item() == all.loss);
    CHECK_FALSE(y.requires_grad());
  }
}

TEST_CASE("linear_cross_entropy of nothing", "[linear_cross_entropy]") {
  Problem p = random_problem(0, 4, 6, DType::float32, false);
  const Result none = run(p, true);
  CHECK(none.loss == 0);
  CHECK(none.gradients[1].to_vector() == std::vector<double>(24, 0));
  p = random_problem(3, 4, 6, DType::float32, false);
  p.targets.fill(-1);
  p.normaliser = 0;
  const Result ignored = run(p, true);
  CHECK(ignored.loss == 0);
  CHECK(ignored.sums.targets == 0);
  CHECK(ignored.gradients[0].to_vector() == std::vector<double>(12, 0));
  CHECK(ignored.gradients[1].to_vector() == std::vector<double>(24, 0));
}

TEST_CASE("linear_cross_entropy says what is wrong", "[linear_cross_entropy][errors]") {
  const Problem right = random_problem(2, 4, 6, DType::float32, true);
  Problem p = right;
  p.w = Tensor::zeros({6, 3}, DType::float32);
  CHECK(
      message(p) ==
      "linear_cross_entropy: the input has shape [2, 4], but the weight [6, 3]: the last axis of the input must be 3");
  p = right;
  p.targets = Tensor::zeros({3}, DType::int32);
  CHECK(message(p) == "linear_cross_entropy: the targets have shape [3], but the logits [2, 6]: [2] was wanted");
  CHECK(message(right, -1) ==
        "linear_cross_entropy: chunks of -1 rows came; at least 0 was wanted, 0 for a choice by size");
}
