// Heads whose outputs are zero for most classes: entmax and sparsemax with their losses, and the k largest logits.
#include <cmath>

#include "core/ops/cross_entropy.h"
#include "core/ops/entmax_loss.h"
#include "core/ops/linear_topk_cross_entropy.h"
#include "losses/entmax_head.h"
#include "losses/topk_softmax_head.h"
#include "tests/support/experiment.h"
#include "tests/support/folder.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

struct Result {
  double loss;
  Tensor gradient;
  EntmaxSums sums;
};

Result entmax(const std::vector<double>& z, const Tensor& targets, double alpha) {
  Tape tape;
  const Var x = tape.leaf(Tensor::from<double>({1, std::ssize(z)}, z));
  Result result{0, {}, {}};
  const Var loss = entmax_loss(x, targets, {}, 1, alpha, -1, &result.sums);
  result.loss = loss.value().item();
  tape.backward(loss);
  result.gradient = tape.grad(x).clone().reshaped({std::ssize(z)});
  return result;
}
Result entmax(const std::vector<double>& z, int target, double alpha) {
  return entmax(z, Tensor::from<std::int32_t>({1}, {target}), alpha);
}

Tensor f64s(const std::vector<double>& values) {
  return Tensor::from<double>({std::ssize(values)}, values);
}

// The loss of given logits: the weight is the unit matrix.
Result topk(const std::vector<double>& z, int target, Index k) {
  Tape tape;
  const Index n = std::ssize(z);
  Tensor unit = Tensor::zeros({n, n}, DType::float64);
  for (Index i = 0; i < n; ++i) unit.set(i * n + i, 1);
  const Var x = tape.leaf(Tensor::from<double>({1, n}, z));
  Result result{0, {}, {}};
  const Var loss = linear_topk_cross_entropy(x, tape.constant(unit), {}, Tensor::from<std::int32_t>({1}, {target}), {},
                                             1, k, -1, &result.sums);
  result.loss = loss.value().item();
  tape.backward(loss);
  result.gradient = tape.grad(x).clone().reshaped({n});
  return result;
}

const std::vector<double> kRow{1.0, 0.8, 0.1, -0.5};

}  // namespace

TEST_CASE("the losses of sparsemax and entmax", "[losses][sheets]") {
  const Result one = entmax(kRow, 1, 2);
  CHECK(one.loss == Approx(0.36).epsilon(1e-12));
  check_close(one.gradient, f64s({0.6, -0.6, 0, 0}), 1e-12);
  CHECK(one.sums.support == 2);
  const Result two = entmax(kRow, f64({1, 4}, {1, 1, 0, 0}), 2);
  CHECK(two.loss == Approx(0.01).epsilon(1e-10));
  check_close(two.gradient, f64s({0.1, -0.1, 0, 0}), 1e-12);
  const Result ahead = entmax({3, 1.5, 0.2, 0}, 0, 2);
  CHECK(ahead.loss == 0);
  check_close(ahead.gradient, f64s({0, 0, 0, 0}));
  CHECK(ahead.sums.correct == 1);
  // p - q with the weights of the sheet at 1.5 and 1.25.
  check_close(entmax(kRow, 0, 1.5).gradient, f64s({0.529248 - 1, 0.393749, 0.077003, 0}), 1e-6);
  check_close(entmax(kRow, 3, 1.25).gradient, f64s({0.465520, 0.362632, 0.130474, 0.041375 - 1}), 1e-6);
  // At 1 it is the cross-entropy.
  Tape tape;
  const double softmax =
      cross_entropy(tape.constant(Tensor::from<double>({1, 4}, kRow)), Tensor::from<std::int32_t>({1}, {2}))
          .value()
          .item();
  CHECK(entmax(kRow, 2, 1.0001).loss == Approx(softmax).epsilon(1e-3));
  CHECK(entmax(kRow, 2, 1).loss == Approx(softmax).epsilon(1e-14));
  check_close(entmax(kRow, 2, 1).gradient, f64s({0.408425, 0.334390, 0.166053 - 1, 0.091132}), 1e-6);
  CHECK(entmax(kRow, 2, 1).sums.support == 4);
}

TEST_CASE("proportions under the loss of the softmax, and how far outputs are from them", "[losses]") {
  // KL(q, p) of p = (1, 2) / 3 and q = (3, 1) / 4.
  const std::vector<double> z{std::log(1.), std::log(2.)};
  const Result kl = entmax(z, f64({1, 2}, {3, 1}), 1);
  CHECK(kl.loss == Approx(0.75 * std::log(0.75 * 3) + 0.25 * std::log(0.25 * 1.5)).epsilon(1e-14));
  check_close(kl.gradient, f64s({1 / 3. - 0.75, 2 / 3. - 0.25}));
  const double m = (1 / 3. + 0.75) / 2;
  const double wanted = (1 / 3. * std::log(1 / 3. / m) + 2 / 3. * std::log(2 / 3. / (1 - m)) +
                         0.75 * std::log(0.75 / m) + 0.25 * std::log(0.25 / (1 - m))) /
                        2;
  CHECK(kl.sums.divergence == Approx(wanted).epsilon(1e-14));
  // Nothing in common: log 2. The same: 0.
  CHECK(entmax({5, 0}, 1, 2).sums.divergence == Approx(std::log(2.)).epsilon(1e-14));
  CHECK(entmax({5, 0}, 0, 2).sums.divergence == 0);
}

TEST_CASE("two classes of the sparsemax loss", "[losses][sheets]") {
  for (const double t : {-3., -1., -0.5, 0., 0.3, 0.99, 1., 2.}) {
    const double wanted = t >= 1 ? 0 : t > -1 ? (t - 1) * (t - 1) / 4 : -t;
    CHECK(entmax({t, 0}, 0, 2).loss == Approx(wanted).margin(1e-14));
  }
}

TEST_CASE("entmax losses are never negative, and do not know a shift", "[losses]") {
  for (const double alpha : {1.2, 1.5, 2., 3.})
    for (int t = 0; t < 4; ++t) {
      const double loss = entmax(kRow, t, alpha).loss;
      CHECK(loss > 0);
      CHECK(entmax({101.0, 100.8, 100.1, 99.5}, t, alpha).loss == Approx(loss).epsilon(1e-9));
    }
  CHECK(entmax({1e6, -1e6}, 1, 2).loss == Approx(2e6).epsilon(1e-12));
}

TEST_CASE("the losses of the k largest logits", "[losses][sheets]") {
  const std::vector<double> s{2, 1, 0.5, -1};
  CHECK(topk(s, 0, 2).loss == Approx(0.313262).epsilon(1e-5));
  CHECK(topk(s, 2, 2).loss == Approx(1.813262).epsilon(1e-6));
  check_close(topk(s, 0, 2).gradient, f64s({0.731059 - 1, 0.268941, 0, 0}), 1e-6);
  check_close(topk(s, 2, 2).gradient, f64s({0.731059, 0.268941, -1, 0}), 1e-6);
  CHECK(topk(s, 0, 4).loss == Approx(0.495182).epsilon(1e-5));
  for (int t = 0; t < 4; ++t) {
    double before = 0;
    for (const Index k : {1, 2, 3, 4}) {
      const Result at = topk(s, t, k);
      CHECK(at.loss >= before - 1e-15);
      CHECK(at.gradient.vec<double>().sum() == Approx(0).margin(1e-14));
      before = at.loss;
    }
    CHECK(topk(s, t, 1).loss == Approx(2 - s[static_cast<std::size_t>(t)]).margin(1e-14));
  }
  check_close(topk(s, 0, 1).gradient, f64s({0, 0, 0, 0}));  // right, and no class behind it
  CHECK(topk({102, 101, 100.5, 99}, 2, 2).loss == Approx(1.813262).epsilon(1e-6));
  check_close(topk({1, 1, 1, 1}, 3, 2).gradient, f64s({0.5, 0.5, 0, -1}));  // of equals the first
}

TEST_CASE("with all classes the k largest are the cross-entropy", "[losses][sheets]") {
  Tape tape;
  const Tensor z = random_tensor({6, 9}, 1, -3, 3), targets = Tensor::from<std::int32_t>({6}, {0, 3, 8, 2, 2, 5});
  Tensor unit = Tensor::zeros({9, 9}, DType::float64);
  for (Index i = 0; i < 9; ++i) unit.set(i * 10, 1);
  const Var a = tape.leaf(z), b = tape.leaf(z);
  const Var one = linear_topk_cross_entropy(a, tape.constant(unit), {}, targets, {}, 6, 9);
  const Var other = cross_entropy(b, targets);
  CHECK(one.value().item() == Approx(other.value().item()).epsilon(1e-14));
  tape.backward(one);
  tape.backward(other);
  check_close(tape.grad(a), tape.grad(b), 1e-14);
}

TEST_CASE("the k largest logits touch k + 1 rows of the weight", "[losses][sheets]") {
  Tape tape;
  const Tensor x = random_tensor({1, 8}, 1), w = random_tensor({100, 8}, 2);
  const Var weight = tape.leaf(w);
  tape.backward(
      linear_topk_cross_entropy(tape.constant(x), weight, {}, Tensor::from<std::int32_t>({1}, {7}), {}, 1, 10));
  const Tensor gradient = tape.grad(weight);
  int touched = 0;
  for (Index c = 0; c < 100; ++c) touched += (gradient.rows(c, 1).vec<double>() != 0).any();
  CHECK(touched >= 10);
  CHECK(touched <= 11);
}

TEST_CASE("heads with zeros train from a configuration", "[heads][tasks]") {
  for (const char* head : {"entmax", "sparsemax", "topk_softmax, k: 2"}) {
    INFO(head);
    TestExperiment run(
        "data: {type: modular, p: 11, train: 0.6, valid: 0.2}\nmodel: {type: encoder, d_model: 16, n_layers: 1}\n"
        "attention: {heads: 2}\nhead: {type: " +
        std::string(head) + "}\nlr: 1e-2\ntrain: {steps: 60, batch: 16}\n");
    double first = 0, last = 0;
    run.trainer().on_step = [&](const StepReport& report) {
      last = report.metrics[0].value;
      if (report.step == 1) first = last;
    };
    CHECK(run.trainer().run());
    CHECK(last < 0.8 * first);
  }
}

TEST_CASE("heads with zeros say what is wrong", "[heads][errors]") {
  CHECK(error_of([] {
          TopkSoftmaxHeadOptions().make({6, 10, nullptr});
        }) ==
        "topk_softmax head: k is 10, but there are 10 classes, of which it would leave out none; choose a lower k, or "
        "cross_entropy");
  CHECK(error_of([] { entmax(kRow, 4, 2); }) ==
        "entmax_loss: target 0 is 4; a class in [0, 4), or -1 to leave it out was wanted");
  CHECK(error_of([] {
          entmax(kRow, f64({1, 4}, {1, -1, 0, 0}), 2);
        }) == "entmax_loss: target 1 is -1; a share of at least 0 was wanted");
  CHECK(error_of([] { entmax(kRow, 0, 0.9); }) == "entmax_loss: alpha is 0.9; a number of at least 1 was wanted");
  Tape tape;
  CHECK(error_of([&] {
          linear_topk_cross_entropy(tape.constant(Tensor::zeros({1, 2}, DType::float64)),
                                    tape.constant(Tensor::zeros({3, 2}, DType::float64)), {},
                                    Tensor::zeros({1}, DType::int32), {}, 1, 0);
        }) == "linear_topk_cross_entropy: k is 0; at least 1 was wanted");
}
