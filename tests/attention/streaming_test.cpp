// Streaming attention against the reference: sequences so short that several are computed as one, blocks and tiles that
// are cut by every kind of sight, values wider than keys, heads that share keys; and each way the same bits.
#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "core/ops/slice.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kBatch = 7;

Tensor lengths_up_to(Index keys) {
  Tensor lengths = Tensor::zeros({kBatch}, DType::int32);
  for (Index b = 0; b < kBatch; ++b)
    lengths.data<std::int32_t>()[b] = static_cast<std::int32_t>((keys * (b + 6)) % (keys + 1));
  return lengths;
}

std::vector<Visibility> sights(Index keys) {
  return {{},
          {.causal = true},
          {.lengths = lengths_up_to(keys)},
          {.lengths = lengths_up_to(keys), .causal = true},
          {.causal = true, .window = 2},
          {.causal = true, .window = 40},
          {.window = 3},
          {.lengths = lengths_up_to(keys), .window = 70},
          {.causal = true, .prefix = 2},
          {.causal = true, .window = 33, .prefix = 50}};
}

struct Heads {
  Index heads, kv_heads, width;
};

// Queries, keys and values of all heads side by side: the layout in which short sequences follow one another.
Function packed_function(const Heads& heads, AttentionKernel kernel, const Visibility& visibility,
                         const ScoreBias* bias = nullptr) {
  return [=](std::span<const Var> x) {
    static const Softmax softmax;
    ScoreAttention how;
    how.normalizer = &softmax;
    how.kernel = kernel;
    how.visibility = visibility;
    how.scale = 0.7;
    how.bias = bias;
    if (x.size() > 1) how.bias_parameters[0] = x[1];
    return packed_score_attention(x.first(1), heads.heads, heads.kv_heads, how);
  };
}

Tensor packed_input(const Heads& heads, Index tokens, DType dtype) {
  return random_tensor({kBatch, tokens, (heads.heads + 2 * heads.kv_heads) * heads.width}, 1, -2, 2, dtype);
}

Index far_apart(const Tensor& a, const Tensor& b, double tolerance) {
  Index count = 0;
  for (Index i = 0; i < a.size(); ++i)
    count += !(std::abs(a.at(i) - b.at(i)) <= tolerance * std::max(1.0, std::abs(b.at(i))));
  return count;
}

void check_like(const Function& f, const Function& reference, const std::vector<Tensor>& inputs, double tolerance) {
  Tensor y = play(reference, inputs).y;
  const Tensor dy = random_tensor(y.shape(), 2, -1, 1, y.dtype());
  const Played got = play(f, inputs, dy), wanted = play(reference, inputs, dy);
  CHECK(far_apart(got.y, wanted.y, tolerance) == 0);
  for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(far_apart(got.dx[i], wanted.dx[i], tolerance) == 0);
  const Played three = play(f, inputs, dy, 3);
  CHECK(same_bits(three.y, got.y));
  for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(same_bits(three.dx[i], got.dx[i]));
}

}  // namespace

TEST_CASE("streaming attention equals the reference, whatever is seen", "[attention]") {
  for (const DType dtype : {DType::float64, DType::float32})
    for (const Heads& heads : {Heads{2, 1, 3}, Heads{3, 3, 16}})
      for (const Index tokens : {1, 2, 3, 4, 5, 7, 8, 9, 17, 49, 64, 65, 130, 300})
        for (const Visibility& visibility : sights(tokens)) {
          INFO(tokens << " tokens, " << heads.heads << " heads of " << heads.width << ", "
                      << (dtype == DType::float64 ? "float64" : "float32") << (visibility.causal ? ", causal" : "")
                      << (visibility.lengths.defined() ? ", lengths" : "") << ", window " << visibility.window
                      << ", prefix " << visibility.prefix);
          if (tokens > 65 && heads.width > 3 && visibility.window == 0) continue;  // for time
          check_like(packed_function(heads, AttentionKernel::streaming, visibility),
                     packed_function(heads, AttentionKernel::reference, visibility),
                     {packed_input(heads, tokens, dtype)}, dtype == DType::float64 ? 1e-11 : 2e-4);
        }
}

TEST_CASE("biases stand where they belong when keys lie down", "[attention]") {
  const Alibi alibi(3);
  const BucketBias buckets(3, 8, 40, false);
  const Heads heads{3, 3, 4};
  for (const Index tokens : {3, 49, 130}) {
    const Tensor x = packed_input(heads, tokens, DType::float64);
    for (const Visibility& visibility : sights(tokens)) {
      check_like(packed_function(heads, AttentionKernel::streaming, visibility, &alibi),
                 packed_function(heads, AttentionKernel::reference, visibility, &alibi), {x}, 1e-11);
      check_like(packed_function(heads, AttentionKernel::streaming, visibility, &buckets),
                 packed_function(heads, AttentionKernel::reference, visibility, &buckets),
                 {x, random_tensor({3, 8}, 5)}, 1e-11);
    }
  }
}

TEST_CASE("the gradient of short sequences is that of finite differences", "[attention]") {
  for (const Index tokens : {1, 2, 3, 4})
    for (const Visibility& visibility : sights(tokens))
      CHECK(gradcheck(packed_function({2, 1, 2}, AttentionKernel::streaming, visibility),
                      {packed_input({2, 1, 2}, tokens, DType::float64)})
                .ok);
}

// The order of sums is that of few queries, which are computed with a query to a row.
TEST_CASE("a query has the same bits among few and among many", "[attention]") {
  for (const DType dtype : {DType::float64, DType::float32})
    for (const Index keys : {5, 33, 300})
      for (const Visibility& sight :
           {Visibility{}, Visibility{.causal = true}, Visibility{.causal = true, .window = 21}}) {
        const Softmax softmax;
        const auto inputs = attention_inputs({1, 2, 2, keys, keys, 16}, softmax, dtype);
        const Tensor all = play(attention_function(softmax, AttentionKernel::streaming, sight), inputs).y;
        Visibility later = sight;
        later.start = keys - 3;
        Tape tape;
        std::vector<Var> few;
        for (const Tensor& x : inputs) few.push_back(tape.constant(x));
        few[0] = slice(few[0], 2, keys - 3, 3);
        const Tensor last = attention_function(softmax, AttentionKernel::streaming, later)(few).value();
        const Tensor wanted = slice(tape.constant(all), 2, keys - 3, 3).value();
        CHECK(same_bits(last, wanted));
      }
}
