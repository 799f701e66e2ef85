// The kernels of the main table: what they do, and the least that it takes.
#include "apps/bench/kernels.h"
#include "core/kernels/gemm.h"
#include "core/kernels/top_k.h"
#include "core/ops/dropout.h"
#include "core/ops/embedding.h"
#include "core/ops/layer_norm.h"
#include "core/ops/linear.h"
#include "core/ops/linear_cross_entropy.h"
#include "core/ops/softmax.h"
#include "core/random.h"
#include "train/optimizer/adam.h"

namespace tempera::bench {
namespace {

using tempera::kernels::Ranked;
using Make = std::function<KernelCase()>;

Tensor drawn(const Shape& shape, std::uint64_t seed, double deviation = 1) {
  Tensor x = Tensor::empty(shape, DType::float32);
  Rng(seed, "bench").fill_normal(x, 0, deviation);
  return x;
}

Tensor indices(Index count, Index below) {
  Tensor x = Tensor::empty({count}, DType::int32);
  const Rng rng(5, "indices");
  for (Index i = 0; i < count; ++i)
    x.set(i, static_cast<double>(rng.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(below))));
  return x;
}

// An operation of some leaves, alone or with its backward pass.
struct Played {
  std::vector<Tensor> inputs;
  std::function<Var(std::span<const Var>)> f;
  bool backward;
  Tape tape = Tape();
  Tensor dy = {};

  void operator()() {
    tape.reset();
    std::array<Var, 4> leaves;
    const std::span<Var> used(leaves.data(), inputs.size());
    if (!backward) {
      const Tape::Pause pause(tape);
      for (std::size_t i = 0; i < inputs.size(); ++i) leaves[i] = tape.constant(inputs[i]);
      f(used);
      return;
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) leaves[i] = tape.leaf(inputs[i]);
    const Var y = f(used);
    if (y.rank() == 0) return tape.backward(y);
    if (!dy.defined()) dy = drawn(y.shape(), 9);
    tape.backward(y, dy);
  }
};

std::function<void()> played(std::vector<Tensor> inputs, bool backward, std::function<Var(std::span<const Var>)> f) {
  return [play = std::shared_ptr<Played>(new Played{std::move(inputs), std::move(f), backward})] { (*play)(); };
}

std::string with(const char* name, bool backward) {
  return std::string(name) + (backward ? ", forward and backward" : "");
}
std::string words(const char* name, std::initializer_list<Index> extents, bool backward = false) {
  std::string text = name;
  for (const Index extent : extents) text += " " + std::to_string(extent);
  return text + (backward ? " both" : "");
}

// Bytes of a map of x to y and, backward, of dy and what else is read to dx: `backward_reads` tensors in all.
void of_rows(KernelCase& c, bool backward, int backward_reads) {
  c.reads = c.elements * (4 + (backward ? 4 * backward_reads : 0));
  c.writes = c.elements * (backward ? 8 : 4);
  c.resident = c.elements * (backward ? 16 : 8);
}

KernelCase product(Index rows, Index in, Index out, bool transposed) {
  using tempera::kernels::Transpose;
  const Tensor x = drawn({rows, in}, 1), w = drawn({out, in}, 2), dy = drawn({rows, out}, 3);
  auto space = std::make_shared<std::vector<std::byte>>(tempera::kernels::gemm_workspace_limit<float>());
  const auto xs = static_cast<double>(rows * in), ys = static_cast<double>(rows * out),
             ws = static_cast<double>(in * out);
  KernelCase c{transposed ? "product dY^T X" : "product X W^T", fmt::format("{} x {} -> {}", rows, in, out),
               words(transposed ? "product_t" : "product", {rows, in, out})};
  c.flop = 2 * xs * static_cast<double>(out);
  c.elements = transposed ? ws : ys;
  c.writes = 4 * c.elements;
  c.resident = 4 * (xs + ys + ws);
  c.reads = c.resident - c.writes;
  Tensor y = transposed ? Tensor::empty({out, in}, DType::float32) : Tensor::empty({rows, out}, DType::float32);
  c.run = [=]() mutable {
    if (transposed)
      tempera::kernels::gemm(Transpose::yes, Transpose::no, out, in, rows, 1.0F, dy.data<float>(), out, x.data<float>(),
                             in, 0.0F, y.data<float>(), in, *space);
    else
      tempera::kernels::gemm(Transpose::no, Transpose::yes, rows, out, in, 1.0F, x.data<float>(), in, w.data<float>(),
                             in, 0.0F, y.data<float>(), out, *space);
  };
  return c;
}

KernelCase linear_gelu(Index rows, Index in, Index out, bool backward) {
  KernelCase c{with("linear + bias + GELU", backward), fmt::format("{} x {} -> {}", rows, in, out),
               words("linear_gelu", {rows, in, out}, backward)};
  const auto x = static_cast<double>(rows * in), y = static_cast<double>(rows * out), w = static_cast<double>(in * out);
  c.elements = c.exponentials = y;
  c.flop = 2 * x * static_cast<double>(out) * (backward ? 3 : 1);
  // Backward reads inputs, slopes and the gradient, and writes those of the inputs.
  c.reads = 4 * (x + w) + (backward ? 4 * (x + w + 2 * y) : 0);
  c.writes = 4 * y + (backward ? 4 * (x + w + y) : 0);
  c.resident = 4 * (x + w + y) + (backward ? 4 * (x + w + 2 * y) : 0);
  c.run = played({drawn({rows, in}, 1), drawn({out, in}, 2, 0.05), drawn({out}, 3)}, backward,
                 [](auto v) { return linear(v[0], v[1], v[2], Activation::gelu); });
  return c;
}

KernelCase softmax_rows(Index rows, Index cols, bool backward) {
  KernelCase c{with("softmax", backward), fmt::format("{} x {}", rows, cols), words("softmax", {rows, cols}, backward)};
  c.elements = c.exponentials = static_cast<double>(rows * cols);
  of_rows(c, backward, 2);
  c.run = played({drawn({rows, cols}, 1)}, backward, [](auto v) { return softmax(v[0]); });
  return c;
}

KernelCase softmax_top(Index rows, Index cols, Index k) {
  KernelCase c{fmt::format("softmax + top-{}", k), fmt::format("{} x {}", rows, cols),
               words("softmax_top", {rows, cols, k})};
  c.elements = c.exponentials = static_cast<double>(rows * cols);
  c.reads = c.resident = 4 * c.elements;
  c.run = [x = drawn({rows, cols}, 1), best = std::vector<Ranked>(static_cast<std::size_t>(k)), rows, cols]() mutable {
    for (Index r = 0; r < rows; ++r) tempera::kernels::softmax_top_k(x.data<float>() + r * cols, cols, std::span(best));
  };
  return c;
}

KernelCase norm(Index rows, Index cols, bool backward) {
  KernelCase c{with("layer norm", backward), fmt::format("{} x {}", rows, cols),
               words("layer_norm", {rows, cols}, backward)};
  c.elements = static_cast<double>(rows * cols);
  of_rows(c, backward, 2);
  c.run = played({drawn({rows, cols}, 1), drawn({cols}, 2), drawn({cols}, 3)}, backward,
                 [](auto v) { return layer_norm(v[0], v[1], v[2]); });
  return c;
}

KernelCase loss(Index rows, Index classes) {
  KernelCase c{with("cross-entropy", true), fmt::format("{} x {}", rows, classes),
               words("cross_entropy", {rows, classes})};
  c.elements = static_cast<double>(rows * classes);
  c.exponentials = 2 * c.elements;  // the probabilities are not kept
  c.reads = 8 * c.elements;         // forward and backward
  c.writes = 4 * c.elements;
  c.resident = 8 * c.elements;
  c.run = played({drawn({rows, classes}, 1)}, true,
                 [targets = indices(rows, classes)](auto v) { return cross_entropy(v[0], targets); });
  return c;
}

KernelCase chunked_loss(Index rows, Index width, Index classes) {
  KernelCase c{"linear + cross-entropy in chunks, both", fmt::format("{} x {} -> {}", rows, width, classes),
               words("linear_cross_entropy", {rows, width, classes})};
  c.elements = static_cast<double>(rows * classes);
  c.exponentials = 2 * c.elements;
  c.flop = 6 * c.elements * static_cast<double>(width);
  c.reads = c.writes = 4 * static_cast<double>((rows + classes) * width);  // the logits stay in cache
  c.resident = 2 * c.reads;
  c.run = played({drawn({rows, width}, 1), drawn({classes, width}, 2, 0.05)}, true,
                 [targets = indices(rows, classes), n = static_cast<double>(rows)](auto v) {
                   return linear_cross_entropy(v[0], v[1], {}, targets, {}, n, {});
                 });
  return c;
}

KernelCase adamw(Index size) {
  KernelCase c{"AdamW", std::to_string(size), words("adamw", {size})};
  c.elements = static_cast<double>(size);
  c.reads = c.resident = 16 * c.elements;
  c.writes = 12 * c.elements;
  c.in_place = true;
  const std::shared_ptr<Optimizer> rule = AdamWOptions().make({{.size = size, .rows = 1, .cols = size}});
  rule->prepare(size, DType::float32);
  c.run = [rule, values = drawn({size}, 1), gradients = drawn({size}, 2), step = std::int64_t{0}]() mutable {
    rule->step(values, gradients, {.step = ++step, .lr = 1e-6});
  };
  return c;
}

KernelCase embedding_gradient(Index tokens, Index vocabulary, Index width) {
  KernelCase c{"embedding, forward and backward", fmt::format("{} of {} x {}", tokens, vocabulary, width),
               words("embedding", {tokens, vocabulary, width})};
  c.elements = static_cast<double>(tokens * width);
  const double table = 4 * static_cast<double>(vocabulary * width);
  c.reads = 8 * c.elements;  // rows of tokens, and the gradients of their copies
  c.writes = 4 * c.elements + table;
  c.resident = 8 * c.elements + 2 * table;
  c.run = played({drawn({vocabulary, width}, 1)}, true,
                 [at = indices(tokens, vocabulary)](auto v) { return embedding(v[0], at); });
  return c;
}

KernelCase dropped(Index size, bool backward) {
  KernelCase c{with("dropout", backward), std::to_string(size), words("dropout", {size}, backward)};
  c.elements = static_cast<double>(size);
  of_rows(c, backward, 1);
  c.run = played({drawn({size}, 1)}, backward, [](auto v) { return dropout(v[0], 0.1, Rng(1, "bench"), "site"); });
  return c;
}

}  // namespace

std::vector<Make> kernel_cases() {
  std::vector<Make> all;
  for (const bool transposed : {false, true}) all.push_back([=] { return product(1024, 256, 1024, transposed); });
  for (const bool backward : {false, true}) {
    all.push_back([=] { return linear_gelu(1024, 256, 1024, backward); });
    for (const Index rows : {256, 8192}) all.push_back([=] { return softmax_rows(rows, 256, backward); });
    for (const Index rows : {256, 16384}) all.push_back([=] { return norm(rows, 256, backward); });
    for (const Index size : {65536, 4194304}) all.push_back([=] { return dropped(size, backward); });
  }
  for (const Index cols : {4096, 65536, 4194304}) all.push_back([=] { return softmax_top(1, cols, 5); });
  for (const Index classes : {256, 8192}) all.push_back([=] { return loss(1024, classes); });
  all.push_back([] { return chunked_loss(1024, 256, 8192); });
  for (const Index size : {65536, 8388608}) all.push_back([=] { return adamw(size); });
  for (const Index vocabulary : {256, 32000}) all.push_back([=] { return embedding_gradient(4096, vocabulary, 128); });
  return all;
}

}  // namespace tempera::bench
