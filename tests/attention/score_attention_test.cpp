// Score attention: the softmax by its definition, biases, errors. What holds for every normalizer is in contract/.
#include "attention/biases/alibi.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

// For two sequences of `keys` keys.
std::vector<Visibility> sights(Index keys) {
  const auto some = static_cast<std::int32_t>((keys + 1) / 2), all = static_cast<std::int32_t>(keys);
  return {{},
          {.causal = true},
          {.lengths = lengths_of({some, all})},
          {.lengths = lengths_of({all, some}), .causal = true},
          {.lengths = lengths_of({0, all})},
          {.causal = true, .window = 2},
          {.lengths = lengths_of({some, all}), .window = 3},
          {.causal = true, .prefix = 2}};
}

}  // namespace

TEST_CASE("softmax attention equals its definition in loops", "[attention]") {
  const Softmax softmax;
  for (const Index n : {1, 5, 71})
    for (const Visibility& visibility : sights(n))
      for (const AttentionKernel kernel :
           {AttentionKernel::reference, AttentionKernel::blocks, AttentionKernel::streaming}) {
        INFO(attention_kernel_names()[static_cast<std::size_t>(kernel)] << ", " << n << " tokens");
        const auto inputs = attention_inputs({2, 4, 2, n, n, 3}, softmax);
        check_close(play(attention_function(softmax, kernel, visibility), inputs).y,
                    softmax_attention_twin(inputs, visibility, 0.7));
      }
}

TEST_CASE("biases are the same in every form", "[attention]") {
  const Alibi alibi(2);
  const Softmax softmax;
  const Sigmoid sigmoid(2, -1, false);
  for (const ScoreNormalizer* normalizer : std::initializer_list<const ScoreNormalizer*>{&softmax, &sigmoid})
    for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
      const auto inputs = attention_inputs({2, 2, 1, 131, 131, 3}, *normalizer);
      const Visibility causal{.causal = true};
      check_close(play(attention_function(*normalizer, kernel, causal, &alibi), inputs).y,
                  play(attention_function(*normalizer, AttentionKernel::reference, causal, &alibi), inputs).y);
    }
}

TEST_CASE("score attention refuses what does not fit", "[attention][errors]") {
  const Softmax softmax;
  const SSMax ssmax(2, 1, true, false);
  Tape tape;
  const auto var = [&](Shape shape) { return tape.constant(Tensor::zeros(shape, DType::float32)); };
  ScoreAttention how;
  how.normalizer = &softmax;
  CHECK(error_of([&] {
          score_attention(var({1, 2, 3, 4}), var({1, 2, 3, 5}), var({1, 2, 3, 4}), how);
        }) ==
        "score_attention: queries [1, 2, 3, 4], keys [1, 2, 3, 5], values [1, 2, 3, 4] do not fit: [B, H, N, D], "
        "[B, K, M, D], [B, K, M, E] was wanted");
  CHECK(error_of([&] {
          score_attention(var({1, 3, 3, 4}), var({1, 2, 3, 4}), var({1, 2, 3, 4}), how);
        }) ==
        "score_attention: 3 query heads do not divide into groups for 2 key heads; make the second a divisor of the "
        "first");
  how.visibility.lengths = lengths_of({4});
  CHECK(error_of([&] {
          score_attention(var({1, 1, 3, 4}), var({1, 1, 3, 4}), var({1, 1, 3, 4}), how);
        }) == "score_attention: length 4 of sequence 0 is outside [0, 3], the count of keys");
  how.visibility.lengths = {};
  how.normalizer = &ssmax;
  how.kernel = AttentionKernel::streaming;
  CHECK(
      error_of([&] {
        score_attention(var({1, 2, 3, 4}), var({1, 2, 3, 4}), var({1, 2, 3, 4}), how);
      }) ==
      "score_attention: the kernel 'streaming' computes the softmax alone, and by its own algorithm; choose 'auto' or "
      "'blocks' for this "
      "normalizer");
  const std::array<Var, 1> packed{var({1, 3, 10})};
  CHECK(error_of([&] { packed_score_attention(packed, 2, 1, how); }) ==
        "score_attention: packed tensor 0 has shape [1, 3, 10]: 4 heads do not divide its width");
  CHECK(error_of([] { attention_kernel("flash"); }) ==
        "attention: there is no kernel 'flash'; known: auto, reference, blocks, streaming");
}
