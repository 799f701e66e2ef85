// The contract of every operation in the table: its gradient is proved, and the proof is seen to fail.
#include <catch2/catch.hpp>
#include <set>

#include "core/gradcheck.h"
#include "core/ops/table.h"
#include "core/random.h"
#include "tests/support/mutants.h"

using namespace tempera;

namespace {
constexpr int kDraws = 64;  // random (example, seed) pairs per operation
}

TEST_CASE("every operation has a name of its own, and examples", "[ops]") {
  std::set<std::string_view> names;
  for (const Op* op : all_ops()) {
    INFO(op->name);
    CHECK(names.insert(op->name).second);
    REQUIRE(op->examples != nullptr);
    CHECK_FALSE(op->examples().empty());
  }
}

TEST_CASE("the gradient of every operation agrees with finite differences", "[ops][gradcheck]") {
  double worst = 0;
  int checks = 0;
  for (const Op* op : all_ops()) {
    const int examples = static_cast<int>(op->examples().size());
    const OpCheck check = gradcheck(*op, (kDraws + examples - 1) / examples);
    INFO(check.failure);
    CHECK(check.ok);
    CHECK(check.checks >= kDraws);
    CHECK(check.kinks == 0);
    worst = std::max(worst, check.worst);
    checks += check.checks;
  }
  CAPTURE(worst, checks);
  CHECK(worst <= 1e-8);
}

TEST_CASE("the gradient check rejects every mutant of every operation", "[ops][mutants]") {
  for (const Op* op : all_ops()) {
    // Input by input: an operation with several inputs has a gradient for each.
    int inputs = 0;
    for (const Example& example : op->examples()) inputs = std::max(inputs, static_cast<int>(example.inputs.size()));
    for (const auto& [kind, name] : kMutations) {
      bool any = false;
      for (int input = 0; input < inputs; ++input) {
        Mutant mutant(op->name, input, kind);
        bool killed = false;
        for (int seed = 1; seed <= 3 && !killed; ++seed) killed = !gradcheck(*op, seed, &mutant).ok;
        INFO(op->name << ", input " << input << ": " << name);
        if (mutant.changed) CHECK(killed);
        any = any || mutant.changed;
      }
      INFO(op->name << ": " << name);
      // A gradient that is the same in all entries cannot be seen transposed or shifted; every other kind must bite.
      if (kind != Mutation::transposed && kind != Mutation::shifted) CHECK(any);
    }
  }
}

namespace {

// The output and the gradients of all inputs, for random weights on the output.
std::vector<Tensor> run(const Example& example, const std::vector<Tensor>& inputs, DType dtype) {
  Tape tape;
  std::vector<Var> vars;
  for (const Tensor& input : inputs)
    vars.push_back(is_floating(input.dtype()) ? tape.leaf(input.to(dtype)) : tape.constant(input));
  const Var y = example.call(vars);
  std::vector<Tensor> results{y.value()};
  if (!y.requires_grad()) return results;
  Tensor dy = Tensor::empty(y.shape(), DType::float32);
  Rng(3, "weights").fill_uniform(dy, -1, 1);
  tape.backward(y, dy.to(dtype));
  for (const Var& x : vars)
    if (x.requires_grad()) results.push_back(tape.grad(x));
  return results;
}

double largest(const std::vector<Tensor>& tensors) {
  double result = 0;
  for (const Tensor& tensor : tensors)
    for (Index i = 0; is_floating(tensor.dtype()) && i < tensor.size(); ++i)
      result = std::max(result, std::abs(tensor.at(i)));
  return result;
}

}  // namespace

TEST_CASE("float32 agrees with float64 in every operation, forward and backward", "[ops]") {
  for (const Op* op : all_ops())
    for (const Example& example : op->examples()) {
      INFO(op->name << " / " << example.name);
      // Both start from the same float32 numbers; errors are relative to the largest number that takes part.
      const std::vector<Tensor> inputs = draw_inputs(example, 5, DType::float32);
      const std::vector<Tensor> single = run(example, inputs, DType::float32);
      const std::vector<Tensor> truth = run(example, inputs, DType::float64);
      const double bound = 2e-6 * std::max({1.0, largest(inputs), largest(truth)});
      for (std::size_t k = 0; k < truth.size(); ++k) {
        CHECK((single[k].dtype() == DType::float32 || !is_floating(truth[k].dtype())));
        REQUIRE(single[k].shape() == truth[k].shape());
        double worst = 0;
        for (Index i = 0; i < truth[k].size(); ++i) worst = std::max(worst, std::abs(single[k].at(i) - truth[k].at(i)));
        CHECK(worst <= bound);
      }
    }
}
