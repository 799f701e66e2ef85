// The contract of the operations of a table: the gradient of each is proved, and the proof is seen to fail.
//
//   TEST_CASE("...") { check_gradients(all_ops()); }
#pragma once

#include <catch2/catch.hpp>
#include <set>
#include <span>

#include "core/gradcheck.h"
#include "core/random.h"
#include "tests/support/mutants.h"

namespace tempera {

using OpTable = std::span<const Op* const>;

// Names of their own, and examples.
inline void check_examples(OpTable ops) {
  std::set<std::string_view> names;
  for (const Op* op : ops) {
    INFO(op->name);
    CHECK(names.insert(op->name).second);
    REQUIRE(op->examples != nullptr);
    CHECK_FALSE(op->examples().empty());
  }
}

// Gradients against finite differences, at least 64 random (example, seed) pairs for each operation.
inline void check_gradients(OpTable ops) {
  constexpr int kDraws = 64;
  double worst = 0;
  int checks = 0;
  for (const Op* op : ops) {
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

// Every mutant of every operation's gradient is rejected.
inline void check_mutants(OpTable ops) {
  for (const Op* op : ops) {
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

namespace detail {

// The output and the gradients of all inputs, for random weights on the output.
inline std::vector<Tensor> run(const Example& example, const std::vector<Tensor>& inputs, DType dtype) {
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

inline double largest(const std::vector<Tensor>& tensors) {
  double result = 0;
  for (const Tensor& tensor : tensors)
    for (Index i = 0; is_floating(tensor.dtype()) && i < tensor.size(); ++i)
      result = std::max(result, std::abs(tensor.at(i)));
  return result;
}

}  // namespace detail

// float32 agrees with float64, forward and backward.
inline void check_precisions(OpTable ops) {
  using detail::largest, detail::run;
  for (const Op* op : ops)
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

}  // namespace tempera
