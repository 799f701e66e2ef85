// Attention with keys and values in a cache against the full pass; errors.
#include "attention/key_value_cache.h"

#include "core/ops/slice.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

constexpr Index kBatch = 2, kHeads = 4, kKeyHeads = 2, kWidth = 20, kTokens = 300;

struct Packed {
  Tape tape;
  Var x;  // [B, N, (H + 2 K) D]
  explicit Packed(DType dtype)
      : x(tape.constant(random_tensor({kBatch, kTokens, (kHeads + 2 * kKeyHeads) * kWidth}, 1, -2, 2, dtype))) {}
  Var tokens(Index first, Index count) const { return slice(x, 1, first, count); }
  Tensor full(const ScoreAttention& how) const {
    return packed_score_attention(std::span(&x, 1), kHeads, kKeyHeads, how).value();
  }
};

ScoreAttention softmax_by(const ScoreNormalizer& normalizer, AttentionKernel kernel, Index window = 0) {
  ScoreAttention how;
  how.normalizer = &normalizer;
  how.kernel = kernel;
  how.scale = 0.3;
  how.visibility = {.causal = true, .window = window};
  return how;
}

}  // namespace

TEST_CASE("a cache of either form has the bits of the full pass", "[attention][generate]") {
  const Softmax softmax;
  for (const DType dtype : {DType::float32, DType::float64})
    for (const AttentionKernel kernel : {AttentionKernel::streaming, AttentionKernel::blocks})
      for (const Index step : {Index{1}, Index{7}, kTokens}) {
        INFO(attention_kernel_names()[static_cast<std::size_t>(kernel)] << ", " << step << " tokens a step");
        const Packed packed(dtype);
        ScoreAttention how = softmax_by(softmax, kernel);
        const Tensor full = packed.full(how);
        const auto form = streams(how) ? KeyValueCache::Form::packed : KeyValueCache::Form::rows;
        KeyValueCache cache({kBatch, kKeyHeads, kWidth, kWidth, kTokens}, dtype, form);
        for (Index at = 0; at < kTokens; at += step) {
          const Index count = std::min(step, kTokens - at);
          how.visibility.start = at;
          const Var part = packed.tokens(at, count);
          const Tensor y = cached_score_attention(std::span(&part, 1), kHeads, kKeyHeads, cache, how);
          const Var wanted = slice(const_cast<Tape&>(packed.tape).constant(full), 1, at, count);
          REQUIRE(cache.size() == at + count);
          REQUIRE(same_bits(y, wanted.value()));
        }
      }
}

TEST_CASE("a cache that keeps its last tokens serves a window", "[attention][generate]") {
  constexpr Index kWindow = 37;
  const Softmax softmax;
  for (const AttentionKernel kernel : {AttentionKernel::streaming, AttentionKernel::blocks}) {
    Packed packed(DType::float64);
    ScoreAttention how = softmax_by(softmax, kernel, kWindow);
    const Tensor full = packed.full(how);
    const auto form = streams(how) ? KeyValueCache::Form::packed : KeyValueCache::Form::rows;
    KeyValueCache cache({kBatch, kKeyHeads, kWidth, kWidth, 2 * kWindow}, DType::float64, form);
    for (Index at = 0; at < kTokens; ++at) {
      if (cache.size() == 2 * kWindow) cache.keep_last(kWindow - 1);
      how.visibility.start = at;
      how.visibility.key_start = at - cache.size();
      const Var part = packed.tokens(at, 1);
      const Tensor y = cached_score_attention(std::span(&part, 1), kHeads, kKeyHeads, cache, how);
      check_close(y, slice(packed.tape.constant(full), 1, at, 1).value());
    }
  }
}

TEST_CASE("a full cache takes no more", "[attention][errors]") {
  const Softmax softmax;
  const Packed packed(DType::float32);
  const ScoreAttention how = softmax_by(softmax, AttentionKernel::automatic);
  KeyValueCache cache({kBatch, kKeyHeads, kWidth, kWidth, 4}, DType::float32, KeyValueCache::Form::packed);
  const Var part = packed.tokens(0, 5);
  CHECK(error_of([&] { cached_score_attention(std::span(&part, 1), kHeads, kKeyHeads, cache, how); }) ==
        "attention: 5 tokens for 2 sequences came on top of 0; the cache has room for 4 tokens of 2 sequences");
}
