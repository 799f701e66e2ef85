#include "core/tape.h"

#include <catch2/catch.hpp>
#include <thread>

#include "core/ops/elementwise.h"
#include "core/ops/gradient_flow.h"
#include "core/ops/linear.h"
#include "core/ops/matmul.h"
#include "core/ops/softmax.h"
#include "core/pointwise.h"
#include "core/random.h"
#include "core/recompute.h"
#include "core/rowwise.h"

using namespace tempera;

namespace {

Tensor vector(std::initializer_list<double> values) {
  return Tensor::from<double>({static_cast<Index>(values.size())}, values);
}

// A scalar loss of any Var.
Var total(const Var& x) {
  const Shape flat{1, x.size()};
  static const Op reshape_for_test{"test.reshape", nullptr};
  const Var row = Tape::record(reshape_for_test, {x}, x.value().reshaped(flat),
                               [shape = x.shape()](const Tensor& dy, Gradients& dx) { dx.add(0, dy.reshaped(shape)); });
  return linear(row, x.tape().constant(Tensor::full(flat, x.dtype(), 1)));
}

std::vector<double> gradient(Tape& tape, const Var& loss, const Var& x) {
  tape.backward(loss);
  return tape.grad(x).to_vector();
}

}  // namespace

TEST_CASE("a Var used several times collects every contribution", "[tape]") {
  Tape tape;
  const Var x = tape.leaf(vector({1, 2, 3}));
  CHECK(gradient(tape, total(x * x + x * 3 + x), x) == std::vector<double>{6, 8, 10});
}

TEST_CASE("constants, frozen and detached values get no gradient, and nothing is recorded for them", "[tape]") {
  Tape tape;
  const Var frozen = tape.constant(vector({2, 3}));
  CHECK_FALSE((frozen * frozen).requires_grad());
  CHECK(tape.size() == 0);
  const Var x = tape.leaf(vector({5, 7}));
  CHECK(gradient(tape, total(x * frozen + detach(x) * x), x) == std::vector<double>{7, 10});
}

TEST_CASE("straight-through takes the value of one and the gradient of the other", "[tape]") {
  Tape tape;
  const Var soft = tape.leaf(vector({0.2, 0.8}));
  const Var y = straight_through(tape.constant(vector({0, 1})), soft * soft);
  CHECK(y.value().to_vector() == std::vector<double>{0, 1});
  CHECK(gradient(tape, total(y), soft) == std::vector<double>{0.4, 1.6});
}

TEST_CASE("a parameter's gradient lands in its own buffer", "[tape]") {
  Tape tape;
  Tensor grad = Tensor::full({2}, DType::float64, 77), unused = Tensor::full({3}, DType::float64, 77);
  const Var w = tape.parameter(vector({1, 2}), grad);
  const Var idle = tape.parameter(vector({1, 2, 3}), unused);
  tape.backward(total(w * w));
  CHECK(grad.to_vector() == std::vector<double>{2, 4});
  CHECK(unused.to_vector() == std::vector<double>{0, 0, 0});
  SECTION("several backward passes of a step add up") {
    tape.backward(total(w * 10));
    CHECK(grad.to_vector() == std::vector<double>{12, 14});
  }
  SECTION("the next step starts anew") {
    tape.reset();
    const Var again = tape.parameter(vector({1, 2}), grad);
    tape.backward(total(again * 3));
    CHECK(grad.to_vector() == std::vector<double>{3, 3});
  }
}

TEST_CASE("intermediate gradients are kept where asked", "[tape]") {
  Tape tape;
  const Var x = tape.leaf(vector({1, 2}));
  const Var y = x * x;
  tape.retain_grad(y);
  tape.backward(total(y * 5));
  CHECK(tape.grad(y).to_vector() == std::vector<double>{5, 5});
  CHECK(tape.grad(x).to_vector() == std::vector<double>{10, 20});
}

TEST_CASE("gradients that share a buffer are not written through", "[tape]") {
  // add() hands the same dy to both inputs; a later contribution to one must not reach the other.
  static const Op both{"test.both", nullptr};
  Tape tape;
  const Var a = tape.leaf(vector({1, 1})), b = tape.leaf(vector({1, 1}));
  const Var early = a * 2;  // played last
  const Var sum = Tape::record(both, {a, b}, vector({2, 2}), [](const Tensor& dy, Gradients& dx) {
    dx.add(0, dy);
    dx.add(1, dy);
  });
  tape.backward(total(early + sum));
  CHECK(tape.grad(a).to_vector() == std::vector<double>{3, 3});
  CHECK(tape.grad(b).to_vector() == std::vector<double>{1, 1});
}

TEST_CASE("values are released with their last reader", "[tape]") {
  Tape tape;
  const Index n = 1 << 16;
  const std::size_t one = sizeof(float) * static_cast<std::size_t>(n);
  const Var x = tape.constant(tape.zeros({n}, DType::float32));
  SECTION("without gradients, at once") {
    Var y = x;
    for (int i = 0; i < 10; ++i) y = y + 1;
    CHECK(tape.live_bytes() <= 2 * one + 4096);
    CHECK(tape.peak_bytes() <= 3 * one + 4096);
  }
  SECTION("with gradients, as the backward pass goes") {
    Var y = tape.leaf(x.value());
    for (int i = 0; i < 10; ++i) y = tanh(y);
    CHECK(tape.live_bytes() >= 10 * one);
    tape.reset_peak();
    tape.backward(y, x.value());
    y = Var();
    CHECK(tape.live_bytes() <= 3 * one);  // x and dL/dx
    CHECK(tape.peak_bytes() <= 14 * one);
    tape.reset();
    CHECK(tape.live_bytes() <= one + 4096);
  }
}

TEST_CASE("recomputation trades time for memory and changes no bit", "[tape][recompute]") {
  const auto run = [](bool checkpoint, std::size_t& peak) {
    Tape tape;
    Tensor w = Tensor::zeros({64, 64}, DType::float32), start = Tensor::zeros({256, 64}, DType::float32);
    Rng(1, "w").fill_normal(w, 0, 0.15);
    Rng(1, "x").fill_normal(start, 0, 1);
    Tensor grad = Tensor::zeros({64, 64}, DType::float32);
    const Var weight = tape.parameter(w, grad);
    Var x = tape.leaf(start);
    const auto block = [&](std::span<const Var> in) {
      Var h = in[0];
      for (int i = 0; i < 6; ++i) h = linear(h, weight, {}, Activation::gelu);
      return h;
    };
    for (int layer = 0; layer < 6; ++layer) x = checkpoint ? recompute(block, {x}) : block(std::array{x});
    tape.backward(x, Tensor::full(x.shape(), DType::float32, 1));
    peak = tape.peak_bytes();
    return grad.clone();
  };
  std::size_t plain_peak = 0, checkpointed_peak = 0;
  const Tensor plain = run(false, plain_peak), checkpointed = run(true, checkpointed_peak);
  // The same terms, added in another order: all of one block before all of the next, as it was.
  CHECK(plain.to_vector() == checkpointed.to_vector());
  CHECK(checkpointed_peak * 2 < plain_peak);
}

TEST_CASE("several tapes run at once", "[tape][threads]") {
  const auto work = [](std::uint64_t seed) {
    Tape tape;
    std::vector<double> last;
    for (int step = 0; step < 50; ++step) {
      tape.reset();
      Tensor start = Tensor::empty({40, 33}, DType::float64);
      Rng(seed, "x").fill_normal(start, 0, 1);
      const Var x = tape.leaf(start);
      last = gradient(tape, total(softmax(x * 2, -1) * sin(x)), x);
    }
    return last;
  };
  const std::vector<double> expected[2] = {work(1), work(2)};
  std::vector<double> got[4];
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) threads.emplace_back([&, i] { got[i] = work(1 + i % 2); });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < 4; ++i) CHECK(got[i] == expected[i % 2]);
}

TEST_CASE("one parameter serves tapes on several threads", "[tape][threads]") {
  Tensor w = Tensor::full({50, 50}, DType::float32, 0.01);
  std::vector<Tensor> grads;
  for (int i = 0; i < 4; ++i) grads.push_back(Tensor::empty(w.shape(), DType::float32));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      Tape tape;
      for (int step = 0; step < 30; ++step) {
        tape.reset();
        const Var weight = tape.parameter(w, grads[i]);
        const Var x = tape.constant(Tensor::full({8, 50}, DType::float32, 1));
        tape.backward(total(linear(x, weight, {}, Activation::tanh)));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& grad : grads) CHECK(grad.to_vector() == grads[0].to_vector());
}

TEST_CASE("the watch names operation, module, step and input ranges", "[tape][watch]") {
  Tape tape;
  tape.watch(true);
  tape.set_step(41);
  const Tape::Scope blocks(tape, "blocks.0"), attention(tape, "attention");
  const Var x = tape.leaf(vector({1, 0, -2}));
  try {
    log(x);
    FAIL("log of a negative number passed");
  } catch (const NonFiniteError& error) {
    CHECK(error.op == "log");
    CHECK(error.path == "blocks.0.attention");
    CHECK(error.step == 41);
    CHECK(std::string(error.what()) ==
          "log: a non-finite value in module blocks.0.attention after 41 steps\n"
          "  output: float64 [3] in [0, 0], 2 not finite, the first is -inf at element 1\n"
          "  input 0: float64 [3] in [-2, 1]");
  }
}

TEST_CASE("the watch sees gradients that are not finite", "[tape][watch]") {
  Tape tape;
  tape.watch(true);
  const Var x = tape.leaf(vector({4, 0}));
  CHECK_THROWS_WITH(tape.backward(total(sqrt(x))),
                    "sqrt: a non-finite gradient of input 0 in module (no module) after 0 steps\n"
                    "  gradient: float64 [2] in [0.25, 0.25], 1 not finite, the first is inf at element 1\n"
                    "  incoming gradient: float64 [2] in [1, 1]");
  SECTION("and the tape works on after a reset") {
    tape.reset();
    const Var y = tape.leaf(vector({4}));
    CHECK(gradient(tape, total(sqrt(y)), y) == std::vector<double>{0.25});
  }
}

TEST_CASE("with the watch on the bits are the same", "[tape][watch]") {
  std::vector<double> results[2];
  for (const bool watch : {false, true}) {
    Tape tape;
    tape.watch(watch);
    Tensor start = Tensor::empty({7, 19}, DType::float32);
    Rng(3, "x").fill_normal(start, 0, 1);
    const Var x = tape.leaf(start);
    results[watch] =
        gradient(tape, total(recompute([](std::span<const Var> v) { return softmax(v[0] * v[0]) * v[0]; }, {x})), x);
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("a backward function runs under the path it was recorded under", "[tape]") {
  Tape tape;
  std::vector<std::string> paths;
  const auto f = [&](std::span<const Var> x) {
    paths.push_back(tape.path());
    const Tape::Scope inner(tape, "inner");
    paths.push_back(tape.path());
    return exp(x[0]);
  };
  const Var x = tape.leaf(vector({1, 2}));
  Var y;
  {
    const Tape::Scope outer(tape, "outer");
    y = recompute(f, {x});
  }
  tape.backward(total(y));
  CHECK(paths == std::vector<std::string>{"outer", "outer.inner", "outer", "outer.inner"});
  CHECK(std::string(tape.path()).empty());
}

TEST_CASE("an operation probe sees values with their paths, recorded or not", "[tape]") {
  struct Probe : OperationProbe {
    std::vector<std::string> seen;
    void computed(const Op& op, std::string_view path, Inputs inputs, const Tensor& y) override {
      seen.push_back(
          fmt::format("{} {} {} {} {}", op.name, path, inputs.size(), y.shape(), op.flops ? op.flops(inputs, y) : -1));
    }
  } probe;
  Tape tape;
  tape.set_operation_probe(&probe);
  const Var x = tape.constant(Tensor::zeros({5, 3}, DType::float64));
  const Tape::Scope scope(tape, "mlp");
  linear(exp(x), tape.constant(Tensor::zeros({4, 3}, DType::float64)));
  tape.set_operation_probe(nullptr);
  exp(x);
  CHECK(probe.seen == std::vector<std::string>{"exp mlp 1 [5, 3] -1", "linear mlp 2 [5, 4] 120"});
}

TEST_CASE("matmul counts its multiply-adds in any transposition", "[tape]") {
  struct Probe : OperationProbe {
    double flops = 0;
    void computed(const Op& op, std::string_view, Inputs inputs, const Tensor& y) override {
      flops = op.flops(inputs, y);
    }
  } probe;
  Tape tape;
  tape.set_operation_probe(&probe);
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape, DType::float32)); };
  matmul(zeros({2, 3, 5}), zeros({5, 7}));
  CHECK(probe.flops == 2 * 2 * 3 * 5 * 7);
  matmul(zeros({2, 5, 3}), zeros({2, 7, 5}), Transpose::yes, Transpose::yes);
  CHECK(probe.flops == 2 * 2 * 3 * 5 * 7);
  matmul(zeros({0, 5}), zeros({5, 7}));
  CHECK(probe.flops == 0);
}

TEST_CASE("misuse of a tape is refused", "[tape][errors]") {
  Tape tape, other;
  const Var x = tape.leaf(vector({1, 2})), y = other.leaf(vector({1, 2}));
  CHECK_THROWS_WITH(x + y, "add: inputs 0 and 1 belong to different tapes");
  CHECK_THROWS_WITH(Var().tape(), "Var: this Var belongs to no tape; make it with Tape::constant, leaf or parameter");
  CHECK_THROWS_WITH(tape.backward(x * 2),
                    "Tape::backward: a loss of one element was wanted, but the shape is [2]; reduce it, or give dy");
  CHECK_THROWS_WITH(tape.backward(tape.constant(Tensor::scalar(1))),
                    "Tape::backward: no leaf or parameter reaches this Var, so it has no gradient");
  CHECK_THROWS_WITH(tape.backward(x * 2, Tensor::zeros({3}, DType::float64)),
                    "Tape::backward: dy is float64 [3], but y is float64 [2]");
  CHECK_THROWS_WITH(tape.grad(x * 2),
                    "Tape::grad: only leaves, parameters and Vars given to retain_grad() keep a gradient");
  CHECK_THROWS_WITH(tape.leaf(Tensor::zeros({2}, DType::int32)),
                    "Tape: a gradient was asked for int32 [2]; only float32 and float64 have one");
  CHECK_THROWS_WITH(tape.parameter(vector({1}), Tensor::zeros({1}, DType::float32)),
                    "Tape::parameter: the gradient buffer is float32 [1], but the parameter is float64 [1]");
  CHECK_THROWS_WITH(tape.set_threads(0), "Tape: 0 threads came; at least 1 was wanted");
  const Var loss = total(x);
  tape.backward(loss);
  CHECK_THROWS_WITH(tape.backward(loss),
                    "Tape::backward: 'linear' was played already; its records are gone. Record the step again");
  tape.reset();
  CHECK_THROWS_WITH(x * 2, "scale: a Var of shape [2] was made before Tape::reset(); make it anew in each step");
}

TEST_CASE("an operation that gives a gradient of the wrong shape is caught", "[tape][errors]") {
  static const Op wrong{"test.wrong", nullptr};
  Tape tape;
  const Var x = tape.leaf(vector({1, 2}));
  const Var y = Tape::record(wrong, {x}, Tensor::full({}, DType::float64, 1),
                             [](const Tensor& dy, Gradients& dx) { dx.add(0, dy); });
  CHECK_THROWS_WITH(tape.backward(y),
                    "test.wrong: the gradient of input 0 is float64 [], but the input is float64 [2]");
}

TEST_CASE("threads inside an operation change no bit", "[tape][threads]") {
  std::vector<double> results[2];
  for (const int threads : {1, 4}) {
    Tape tape(threads);
    Tensor start = Tensor::empty({300, 130}, DType::float32), w = Tensor::empty({70, 130}, DType::float32);
    Rng(3, "x").fill_normal(start, 0, 1);
    Rng(3, "w").fill_normal(w, 0, 1);
    Tensor grad = Tensor::empty(w.shape(), DType::float32);
    const Var x = tape.leaf(start), weight = tape.parameter(w, grad),
              bias = tape.leaf(Tensor::zeros({70}, DType::float32));
    const Var h = softmax(linear(x, weight, bias, Activation::gelu));
    const Var loss = total(pointwise([](auto a) { return a * sin(a); }, h));
    std::vector<double>& result = results[threads > 1];
    result = gradient(tape, loss, x);
    for (const Tensor& more : {grad, tape.grad(bias), loss.value()})
      for (const double value : more.to_vector()) result.push_back(value);
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("while recording is paused leaves and parameters are constants", "[tape]") {
  Tape tape;
  const Tape::Pause pause(tape);
  CHECK_FALSE(tape.leaf(vector({1})).requires_grad());
  CHECK_FALSE(tape.parameter(vector({1}), vector({0})).requires_grad());
  CHECK(tape.size() == 0);
}

TEST_CASE("a pass back from a value that wants no gradient does nothing", "[tape]") {
  Tape tape;
  const Var x = tape.leaf(vector({3}));
  const Tape::Mark mark = tape.mark();
  tape.backward_since(mark, tape.constant(vector({2})), vector({1}));
  CHECK(tape.grad(x).to_vector() == std::vector<double>{0});
}

TEST_CASE("the watch looks at every element", "[tape][watch]") {
  for (const Index size : {1, 63, 64, 65, 200})
    for (Index i = 0; i < size; i += size < 3 ? 1 : size / 3) {
      Tape tape;
      tape.watch(true);
      Tensor values = Tensor::full({size}, DType::float32, 2);
      const Var x = tape.leaf(values);
      CHECK_NOTHROW(log(x));
      values.data<float>()[i] = 0;
      CHECK_THROWS_WITH(log(x), Catch::Contains(fmt::format("the first is -inf at element {}", i)));
    }
  static const Op whole{"test.whole", nullptr};
  Tape tape;
  tape.watch(true);
  const Var x = tape.leaf(vector({1}));
  const auto nothing = [](const Tensor&, Gradients&) {};
  const Tape::Pause pause(tape);
  CHECK(Tape::record(whole, {x}, Tensor::zeros({2}, DType::int32), nothing).dtype() == DType::int32);
}

TEST_CASE("a gradient of another type is refused wherever it comes from", "[tape][errors]") {
  static const Op narrow{"test.narrow", nullptr};
  Tape tape;
  const Var x = tape.leaf(vector({1, 2}));
  CHECK_THROWS_WITH(tape.backward(x * 2, Tensor::zeros({2}, DType::float32)),
                    "Tape::backward: dy is float32 [2], but y is float64 [2]");
  const Var y = Tape::record(narrow, {x}, Tensor::full({}, DType::float64, 1),
                             [](const Tensor&, Gradients& dx) { dx.add(0, Tensor::zeros({2}, DType::float32)); });
  CHECK_THROWS_WITH(tape.backward(y),
                    "test.narrow: the gradient of input 0 is float32 [2], but the input is float64 [2]");
  CHECK_THROWS_WITH(tape.grad(tape.constant(vector({1}))),
                    "Tape::grad: only leaves, parameters and Vars given to retain_grad() keep a gradient");
}

TEST_CASE("a buffer is handed on as a gradient only where it fits", "[tape]") {
  static const Op sum{"test.sum", nullptr};
  // Of an input, the sum of its elements; `spent` is like what the operation has no use for any more.
  const auto sum_of = [](const Var& x, const Tensor& spent) {
    return Tape::record(sum, {x}, Tensor::zeros({}, DType::float64),
                        [shape = spent.shape(), dtype = spent.dtype()](const Tensor& dy, Gradients& dx) {
                          Tensor spare = Tensor::zeros(shape, dtype);
                          const Into to = dx.into(0, spare);
                          REQUIRE(to.grad.shape() == Shape{3});
                          for (double& g : std::span(Tensor(to.grad).data<double>(), 3))
                            g = (to.add ? g : 0) + dy.item();
                        });
  };
  // Of the gradient's shape and type, of another shape, of another type.
  for (const Tensor& spent :
       {Tensor::zeros({3}, DType::float64), Tensor::zeros({4}, DType::float64), Tensor::zeros({3}, DType::float32)}) {
    Tape tape;
    const Var x = tape.leaf(vector({1, 2, 3}));
    CHECK(gradient(tape, sum_of(x * 2, spent), x) == std::vector<double>{2, 2, 2});
    // A parameter's gradient has a place of its own.
    const Tensor grad = vector({5, 5, 5});
    tape.backward(sum_of(tape.parameter(vector({1, 2, 3}), grad), spent));
    CHECK(grad.to_vector() == std::vector<double>{1, 1, 1});
  }
}
