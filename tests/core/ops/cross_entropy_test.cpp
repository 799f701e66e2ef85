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

namespace {

std::string message(const Tensor& weights, double normaliser, const CrossEntropyTerms& terms) {
  Tape tape;
  try {
    cross_entropy(tape.leaf(Tensor::zeros({2, 3}, DType::float32)), classes({2}, {0, 1}), weights, normaliser, terms);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// The formula of the header for one target, in long double.
long double one_target(const Tensor& x, Index row, Index t, const CrossEntropyTerms& terms) {
  const Index n = x.matrix_cols();
  long double total = 0, loss = 0;
  for (Index c = 0; c < n; ++c) total += std::exp(static_cast<long double>(x.at(row * n + c)));
  const long double level = std::log(total);
  for (Index c = 0; c < n; ++c) {
    const long double share = terms.smoothing / static_cast<double>(n) + (c == t ? 1 - terms.smoothing : 0);
    loss += share * terms.class_weights.at(c) * (level - x.at(row * n + c));
  }
  return loss + terms.z_loss * terms.class_weights.at(t) * level * level;
}

}  // namespace

TEST_CASE("cross_entropy with weights, smoothing and z-loss agrees with its definition", "[cross_entropy]") {
  const DType dtype = GENERATE(DType::float32, DType::float64);
  const Index width = GENERATE(1, 16, 17, 101), samples = 6, length = 11;
  Tensor x = Tensor::empty({samples, length, width}, dtype), t = Tensor::empty({samples, length}, DType::int32);
  Rng(1, "logits").fill_normal(x, 0, 3);
  Tensor weights = Tensor::from<double>({samples}, {1, 0.5, 0, 2, 1, 3}).to(dtype);
  CrossEntropyTerms terms{0.125, 0.0625, -1, Tensor::empty({width}, dtype)};
  for (Index c = 0; c < width; ++c) terms.class_weights.set(c, static_cast<double>(c % 3 + 1) / 4);
  double weight = 0, targets = 0, correct = 0;
  long double loss = 0, nll = 0;
  CrossEntropyTerms plain{.class_weights = Tensor::full({width}, dtype, 1)};
  for (Index row = 0; row < t.size(); ++row) {
    const double u = weights.at(row / length);
    const Index target = row % 7 == 2 ? -1 : (row * 7) % width;
    t.set(row, static_cast<double>(target));
    if (target == -1 || u == 0) continue;
    targets += 1;
    weight += u * terms.class_weights.at(target);
    loss += u * one_target(x, row, target, terms);
    nll += one_target(x, row, target, plain);
    bool best = true;
    for (Index c = 0; c < width; ++c) best = best && x.at(row * width + c) <= x.at(row * width + target);
    correct += best;
  }
  CHECK(cross_entropy_weight(t, weights, terms, width) == weight);
  Tape tape;
  CrossEntropySums sums;
  sums.targets = 100;  // added to, not set
  const Var y = cross_entropy(tape.leaf(x), t, weights, 8, terms, &sums);
  const double tolerance = dtype == DType::float32 ? 1e-6 : 1e-13;
  CHECK(y.value().item() == Approx(static_cast<double>(loss / 8)).epsilon(tolerance));
  CHECK(sums.targets == 100 + targets);
  CHECK(sums.weight == weight);
  CHECK(sums.correct == correct);
  CHECK(sums.loss == Approx(static_cast<double>(loss)).epsilon(tolerance));
  CHECK(sums.nll == Approx(static_cast<double>(nll)).epsilon(tolerance).margin(1e-15));
}

TEST_CASE("the losses of the pieces of a batch add up to that of the whole", "[cross_entropy]") {
  Tensor x = Tensor::empty({12, 5}, DType::float64);
  Rng(1, "logits").fill_normal(x, 0, 3);
  const Tensor t = classes({12}, {0, 1, 2, 3, 4, -1, -1, -1, 1, 2, 3, -1});
  const CrossEntropyTerms terms{0.1, 0.01, -1, doubles({5}, {1, 2, 3, 4, 5})};
  const double normaliser = cross_entropy_weight(t, {}, terms, 5);
  CHECK(normaliser == 1 + 2 + 3 + 4 + 5 + 2 + 3 + 4);
  Tape tape;
  const double whole = cross_entropy(tape.constant(x), t, {}, normaliser, terms).value().item();
  double pieces = 0;
  for (Index first : {0, 4, 8})
    pieces += cross_entropy(tape.constant(x.rows(first, 4)), t.rows(first, 4), {}, normaliser, terms).value().item();
  CHECK(pieces == Approx(whole).epsilon(1e-14));
}

TEST_CASE("cross_entropy at the ends of the range, with smoothing and class weights", "[cross_entropy]") {
  Tape tape;
  CrossEntropyTerms terms{.smoothing = 0.5};
  const Tensor masked = doubles({1, 3}, {0, -kInf, 0});
  const auto loss = [&] {
    const Var x = tape.leaf(masked);
    const Var y = cross_entropy(x, classes({1}, {0}), {}, 1, terms);
    tape.backward(y);
    CHECK(tape.grad(x).vec<double>().isFinite().all());
    return y.value().item();
  };
  CHECK(loss() == kInf);
  terms.class_weights = doubles({3}, {1, 0, 1});
  CHECK(loss() == Approx((0.5 + 0.5 * 2 / 3) * std::log(2)).epsilon(1e-15));
  terms.smoothing = 0;
  terms.class_weights = doubles({3}, {0, 1, 1});
  CHECK(loss() == 0);
  // Equal logits: the first is the answer.
  CrossEntropySums sums;
  cross_entropy(tape.constant(doubles({2, 3}, {1, 2, 2, 1, 2, 2})), classes({2}, {1, 2}), {}, 1, {}, &sums);
  CHECK(sums.correct == 1);
}

TEST_CASE("cross_entropy says what is wrong with weights and terms", "[cross_entropy][errors]") {
  const auto zeros = [](const Shape& shape, DType dtype = DType::float32) { return Tensor::zeros(shape, dtype); };
  CHECK(message(zeros({2}), 1, {.class_weights = zeros({3})}) == "no error");
  CHECK(message(zeros({3}), 1, {}) ==
        "cross_entropy: the weights have shape [3], but the targets [2]: that shape or "
        "its first axes were wanted");
  CHECK(message(zeros({2, 1}), 1, {}) ==
        "cross_entropy: the weights have shape [2, 1], but the targets [2]: that "
        "shape or its first axes were wanted");
  CHECK(message(zeros({2}, DType::float64), 1, {}) ==
        "cross_entropy: the weights are float64, but the logits float32; convert one of them");
  CHECK(message({}, 1, {.class_weights = zeros({2})}) ==
        "cross_entropy: the class weights have shape [2]; [3], one for each class, was wanted");
  CHECK(message({}, 1, {.class_weights = zeros({3}, DType::float64)}) ==
        "cross_entropy: the class weights are float64, but the logits float32; convert one of them");
  CHECK(message({}, 1, {.smoothing = 1}) == "cross_entropy: the label smoothing is 1; a number in [0, 1) was wanted");
  CHECK(message({}, 1, {.z_loss = -1}) == "cross_entropy: the factor of the z-loss is -1; at least 0 was wanted");
  CHECK(message({}, -1, {}) ==
        "cross_entropy: the normaliser is -1; a finite number of at least 0 was wanted, such as "
        "the number of targets");
  CHECK(message({}, kInf, {}) ==
        "cross_entropy: the normaliser is inf; a finite number of at least 0 was wanted, such "
        "as the number of targets");
}
