#include "losses/masked_cross_entropy.h"

#include "core/gradcheck.h"
#include "losses/distillation.h"
#include "tests/support/twins.h"

using namespace tempera;

namespace {

Tensor classes(std::initializer_list<std::int32_t> values) {
  return Tensor::from<std::int32_t>({std::ssize(values)}, values);
}

struct Answer {
  double loss;
  std::vector<double> gradient;
};

Answer masked(const Tensor& z, const Tensor& y, const Tensor& hidden, double m) {
  Tape tape;
  const Var x = tape.leaf(z);
  const Var loss = masked_cross_entropy(x, y, hidden, m, static_cast<double>(z.dim(0)));
  tape.backward(loss);
  return {loss.value().item(), tape.grad(x).to_vector()};
}

void check_close(const std::vector<double>& found, const std::vector<double>& wanted) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(wanted[i]).margin(6e-7));
}

}  // namespace

// z = (2, 1, 0.5, -1), classes 2 and 3 of the task, y = 2: figures from the paper sheet.
TEST_CASE("the masked softmax gives the known figures", "[masked_cross_entropy]") {
  const Tensor z = f64({1, 4}, {2, 1, 0.5, -1}), y = classes({2}), hidden = classes({1, 1, 0, 0});
  const Answer infinite = masked(z, y, hidden, -kInf);
  CHECK(infinite.loss == Approx(0.201413).margin(6e-7));
  check_close(infinite.gradient, {0, 0, 0.817574 - 1, 0.182426});
  const Answer zero = masked(z, y, hidden, 0);
  CHECK(zero.loss == Approx(0.890436).margin(6e-7));
  check_close(zero.gradient, {0, 0, -0.589523, 0.091590});
  CHECK(masked(z, y, hidden, -10).loss == Approx(0.201458).margin(6e-7));
  const Answer plain = masked(z, y, Tensor(), -kInf);
  CHECK(plain.loss == Approx(1.995182).margin(6e-7));
  check_close(plain.gradient, {0.609460, 0.224208, -0.864011, 0.030343});
}

TEST_CASE("the masked softmax is its closed form, row by row", "[masked_cross_entropy]") {
  const Tensor z = random_tensor({3, 5}, 1), y = classes({0, 3, 4});
  const Tensor hidden = Tensor::from<std::int32_t>({3, 5}, {0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0});
  for (const double m : {-kInf, -2.0, 0.0, 2.0, 100.0}) {
    double loss = 0;
    std::vector<double> gradient(15, 0.0);
    for (Index row = 0; row < 3; ++row) {
      double total = 0;
      for (Index c = 0; c < 5; ++c) total += std::exp(hidden.at(5 * row + c) != 0 ? m : z.at(5 * row + c));
      const auto target = static_cast<Index>(y.at(row));
      loss += (std::log(total) - z.at(5 * row + target)) / 3;
      for (Index c = 0; c < 5; ++c)
        if (hidden.at(5 * row + c) == 0)
          gradient[static_cast<std::size_t>(5 * row + c)] =
              (std::exp(z.at(5 * row + c)) / total - (c == target ? 1 : 0)) / 3;
    }
    const Answer found = masked(z, y, hidden, m);
    CHECK(found.loss == Approx(loss).epsilon(1e-12));
    check_close(found.gradient, gradient);
    for (Index i = 0; i < 15; ++i)
      if (hidden.at(i) != 0) CHECK(found.gradient[static_cast<std::size_t>(i)] == 0);  // exactly
  }
}

TEST_CASE("gradients of masked cross-entropy, distillation and matching", "[masked_cross_entropy][gradcheck]") {
  const Tensor z = random_tensor({4, 5}, 3), y = classes({0, 2, -1, 4}), hidden = classes({0, 1, 0, 1, 0});
  for (const double m : {-kInf, 0.0, 2.0}) {
    const auto report =
        gradcheck([&](std::span<const Var> x) { return masked_cross_entropy(x[0], y, hidden, m, 3); }, {z});
    INFO(report.table("masked cross-entropy"));
    CHECK(report.ok);
  }
  Tensor soft = Tensor::empty({4, 5}, DType::float64);
  soften(random_tensor({4, 5}, 4), hidden, 2, soft);
  CHECK(gradcheck([&](std::span<const Var> x) { return distillation(x[0], soft, hidden, 2, 4); }, {z}).ok);
  CHECK(gradcheck([&](std::span<const Var> x) { return distillation(x[0], soft, Tensor(), 0.5, 4); }, {z}).ok);
  CHECK(gradcheck([&](std::span<const Var> x) { return matching(x[0], soft, 20); }, {z}).ok);
}

TEST_CASE("soft targets know only the classes that are not hidden", "[distillation]") {
  const Tensor z = f64({1, 3}, {1, 700, -1}), hidden = classes({0, 1, 0});
  Tensor soft = Tensor::empty({1, 3}, DType::float64);
  soften(z, hidden, 2, soft);
  const double p = 1 / (1 + std::exp(-1.0));  // softmax of (0.5, -0.5)
  check_close(soft.to_vector(), {p, 0, 1 - p});
  // Against itself the loss is the entropy, and nothing pulls.
  Tape tape;
  const Var x = tape.leaf(z);
  const Var loss = distillation(x, soft, hidden, 2, 1);
  tape.backward(loss);
  CHECK(loss.value().item() == Approx(-p * std::log(p) - (1 - p) * std::log(1 - p)));
  check_close(tape.grad(x).to_vector(), {0, 0, 0});
  CHECK(error_of([&] {
          distillation(x, f64({1, 2}, {0, 1}), hidden, 2, 1);
        }) == "distillation: logits are [1, 3] and soft targets [1, 2]; one shape was wanted");
}
