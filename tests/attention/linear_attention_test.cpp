// Linear attention against the matrix of its weights.
#include "attention/linear_attention.h"

#include "core/gradcheck.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr double kEps = 1e-6;

Function linear(const Visibility& visibility) {
  return [visibility](std::span<const Var> x) { return linear_attention(x[0], x[1], x[2], visibility, kEps); };
}

// o_i = sum_j w_ij v_j / (sum_j w_ij + eps),  w_ij = <f_i, g_j> where j is visible
Tensor twin(const std::vector<Tensor>& x, const Visibility& visibility) {
  const Tensor &f = x[0], &g = x[1], &v = x[2];
  const Index heads = f.dim(1), group = heads / g.dim(1), n = f.dim(2), m = g.dim(2), d = f.dim(3), e = v.dim(3);
  Tensor y = Tensor::zeros({f.dim(0), heads, n, e}, DType::float64);
  for (Index row = 0; row < f.dim(0) * heads * n; ++row) {
    const Index i = row % n, head = row / n, key_head = head / group, b = head / heads;
    double sum = kEps;
    std::vector<double> out(static_cast<std::size_t>(e));
    for (Index j = 0; j < m; ++j) {
      if (visibility.causal && j > i) continue;
      if (visibility.lengths.defined() && j >= static_cast<Index>(visibility.lengths.at(b))) continue;
      double w = 0;
      for (Index c = 0; c < d; ++c) w += f.at(row * d + c) * g.at((key_head * m + j) * d + c);
      sum += w;
      for (Index c = 0; c < e; ++c) out[static_cast<std::size_t>(c)] += w * v.at((key_head * m + j) * e + c);
    }
    for (Index c = 0; c < e; ++c) y.set(row * e + c, out[static_cast<std::size_t>(c)] / sum);
  }
  return y;
}

std::vector<Tensor> inputs_of(Index batch, Index heads, Index kv_heads, Index n, Index m,
                              DType dtype = DType::float64) {
  return {random_tensor({batch, heads, n, 5}, 1, 0, 1, dtype), random_tensor({batch, kv_heads, m, 5}, 2, 0, 1, dtype),
          random_tensor({batch, kv_heads, m, 3}, 3, -1, 1, dtype)};
}

}  // namespace

TEST_CASE("linear attention equals its explicit form", "[attention][linear]") {
  for (const Index n : {1, 63, 64, 65, 131}) {
    const auto some = static_cast<std::int32_t>(n / 2), all = static_cast<std::int32_t>(n);
    for (const bool causal : {false, true})
      for (const Tensor& lengths : {Tensor(), lengths_of({some, all})}) {
        INFO(n << " tokens, causal " << causal << ", lengths " << lengths.defined());
        const Visibility visibility{.lengths = lengths, .causal = causal};
        const auto inputs = inputs_of(2, 4, 2, n, n);
        check_close(play(linear(visibility), inputs).y, twin(inputs, visibility), 1e-10);
      }
  }
  const auto cross = inputs_of(2, 2, 1, 7, 100);
  check_close(play(linear({}), cross).y, twin(cross, {}), 1e-10);
}

TEST_CASE("gradients of linear attention over several chunks", "[attention][linear][gradcheck]") {
  for (const bool causal : {false, true}) {
    const auto inputs = inputs_of(1, 2, 1, 131, 131);
    GradcheckOptions options;
    options.tolerance = 1e-7;
    options.max_entries = 20;
    const auto report = gradcheck(linear({.lengths = lengths_of({100}), .causal = causal}), inputs, options);
    INFO(report.table("linear attention"));
    CHECK(report.ok);
  }
}

TEST_CASE("linear attention looks at no later token and no padding, to the bit", "[attention][linear]") {
  const auto inputs = inputs_of(1, 2, 1, 131, 131, DType::float32);
  const Visibility visibility{.lengths = lengths_of({120}), .causal = true};
  const Tensor before = play(linear(visibility), inputs).y;
  std::vector<Tensor> other;
  for (const Tensor& x : inputs) other.push_back(x.clone());
  for (std::size_t i = 0; i < 3; ++i) {
    const Index width = other[i].dim(3);
    for (Index at = 0; at < other[i].size(); ++at) {
      const Index token = at / width % 131;
      if (token >= 70) other[i].set(at, 3 - other[i].at(at));
      if (i > 0 && token >= 120) other[i].set(at, kNaN);
    }
  }
  const Tensor after = play(linear(visibility), other).y;
  for (Index head = 0; head < 2; ++head)
    for (Index i = 0; i < 70 * 3; ++i) CHECK(before.at(head * 131 * 3 + i) == after.at(head * 131 * 3 + i));
  for (Index i = 0; i < after.size(); ++i) CHECK(std::isfinite(after.at(i)));
}

TEST_CASE("linear attention has the same bits on any number of threads", "[attention][linear]") {
  for (const bool causal : {false, true}) {
    const auto inputs = inputs_of(2, 4, 2, 131, 131, DType::float32);
    const Played one = play(linear({.causal = causal}), inputs, {}, 1),
                 four = play(linear({.causal = causal}), inputs, {}, 4);
    CHECK(same_bits(one.y, four.y));
    for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(one.dx[i], four.dx[i]));
  }
}

TEST_CASE("a query of linear attention that sees nothing gets zeros", "[attention][linear]") {
  const Played played = play(linear({.lengths = lengths_of({0})}), inputs_of(1, 1, 1, 4, 4));
  for (Index i = 0; i < played.y.size(); ++i) CHECK(played.y.at(i) == 0);
  for (const Tensor& dx : played.dx)
    for (Index i = 0; i < dx.size(); ++i) CHECK(dx.at(i) == 0);
}

TEST_CASE("linear attention refuses what sums cannot know", "[attention][linear][errors]") {
  Tape tape;
  const auto var = [&](Shape shape) { return tape.constant(Tensor::zeros(shape, DType::float32)); };
  CHECK(error_of([&] {
          linear_attention(var({1, 1, 3, 2}), var({1, 1, 3, 2}), var({1, 1, 3, 2}), {.causal = true, .window = 2});
        }) == "attention.linear: a window, a prefix or a start came; sums of features know none of them");
  CHECK(error_of([&] {
          linear_attention(var({1, 1, 3, 2}), var({1, 1, 4, 2}), var({1, 1, 4, 2}), {.causal = true});
        }) == "attention.linear: 3 queries and 4 keys came; causal attention wants as many of one as of the other");
}
