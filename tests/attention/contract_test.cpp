// The contract of every normalizer in the table, in every form that computes it.
#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "tests/support/attention.h"

using namespace tempera;

namespace {

struct Sight {
  std::string name;
  Visibility visibility;
};

// For two sequences of `keys` keys.
std::vector<Sight> sights(Index keys) {
  const auto some = static_cast<std::int32_t>((keys + 1) / 2), all = static_cast<std::int32_t>(keys);
  return {{"bidirectional", {}},
          {"causal", {.causal = true}},
          {"bidirectional, padded", {.lengths = lengths_of({some, all})}},
          {"causal, padded", {.lengths = lengths_of({all, some}), .causal = true}},
          {"an empty sequence", {.lengths = lengths_of({0, all})}},
          {"causal window", {.causal = true, .window = 2}},
          {"window on either side", {.lengths = lengths_of({some, all}), .window = 3}},
          {"prefix", {.causal = true, .prefix = 2}}};
}

constexpr AttentionKernel kAllKernels[] = {AttentionKernel::reference, AttentionKernel::blocks,
                                           AttentionKernel::streaming};

bool has(const ScoreNormalizer& normalizer, AttentionKernel kernel) {
  return kernel != AttentionKernel::streaming || dynamic_cast<const Softmax*>(&normalizer);
}

std::string title(const std::string& normalizer, const std::string& sight, AttentionKernel kernel) {
  return fmt::format("{}, {}, {}", normalizer, sight, attention_kernel_names()[static_cast<std::size_t>(kernel)]);
}

// Rows [0, count) of every head.
Tensor first_rows(const Tensor& y, Index count) {
  Tensor part = Tensor::empty({y.dim(0), y.dim(1), count, y.dim(3)}, y.dtype());
  for (Index i = 0; i < part.size(); ++i) {
    const Index row = i / y.dim(3), head = row / count;
    part.set(i, y.at((head * y.dim(2) + row % count) * y.dim(3) + i % y.dim(3)));
  }
  return part;
}

}  // namespace

TEST_CASE("gradients of every normalizer in every form", "[attention][gradcheck]") {
  for (const auto& [name, normalizer] : all_normalizers(2))
    for (const auto& [sight, visibility] : sights(3))
      for (const AttentionKernel kernel : kAllKernels) {
        if (!has(*normalizer, kernel)) continue;
        const auto inputs = attention_inputs({2, 2, 1, 3, 3, 2}, *normalizer);
        GradcheckOptions options;
        options.tolerance = 1e-7;
        const auto report = gradcheck(attention_function(*normalizer, kernel, visibility), inputs, options);
        INFO(report.table(title(name, sight, kernel)));
        CHECK(report.ok);
      }
}

TEST_CASE("every form equals the definition", "[attention]") {
  for (const Index n : {1, 7, 67, 131, 300})
    for (const auto& [name, normalizer] : all_normalizers(2))
      for (const auto& [sight, visibility] : sights(n))
        for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
          const auto inputs = attention_inputs({2, 2, 2, n, n, 5}, *normalizer);
          const Tensor dy = random_tensor({2, 2, n, 5}, 9);
          const Played fast = play(attention_function(*normalizer, kernel, visibility), inputs, dy);
          const Played slow = play(attention_function(*normalizer, AttentionKernel::reference, visibility), inputs, dy);
          INFO(title(name, sight, kernel) << ", " << n << " tokens");
          check_close(fast.y, slow.y);
          for (std::size_t i = 0; i < fast.dx.size(); ++i) check_close(fast.dx[i], slow.dx[i], 1e-10);
        }
}

TEST_CASE("softmax attention equals its definition in loops", "[attention]") {
  const Softmax softmax;
  for (const Index n : {1, 5, 71})
    for (const auto& [sight, visibility] : sights(n))
      for (const AttentionKernel kernel : kAllKernels) {
        INFO(title("softmax", sight, kernel) << ", " << n << " tokens");
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

TEST_CASE("float32 agrees with float64 in attention", "[attention]") {
  for (const auto& [name, normalizer] : all_normalizers(2))
    for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
      INFO(title(name, "causal", kernel));
      const auto single = attention_inputs({1, 2, 1, 131, 131, 16}, *normalizer, DType::float32);
      std::vector<Tensor> exact;
      for (const Tensor& x : single) exact.push_back(x.to(DType::float64));
      const Function f = attention_function(*normalizer, kernel, {.causal = true});
      const Played a = play(f, single), b = play(f, exact);
      check_close(a.y.to(DType::float64), b.y, 1e-5);
      for (std::size_t i = 0; i < a.dx.size(); ++i) check_close(a.dx[i].to(DType::float64), b.dx[i], 2e-4);
    }
}

TEST_CASE("no token looks ahead, to the bit", "[attention]") {
  constexpr Index n = 301, width = 6;
  for (const auto& [name, normalizer] : all_normalizers(2))
    for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
      const auto inputs = attention_inputs({1, 2, 1, n, n, width}, *normalizer, DType::float32);
      const Function f = attention_function(*normalizer, kernel, {.causal = true});
      const Tensor before = play(f, inputs).y;
      for (const Index changed : {1, 64, 130, 256, 300}) {
        std::vector<Tensor> other;
        for (const Tensor& x : inputs) other.push_back(x.clone());
        for (std::size_t i = 0; i < 3; ++i)
          for (Index at = 0; at < other[i].size(); ++at)
            if (at / width % n >= changed) other[i].set(at, 100 - other[i].at(at));
        const Tensor after = play(f, other).y;
        INFO(title(name, "causal", kernel) << ", tokens from " << changed << " on changed");
        CHECK(same_bits(first_rows(before, changed), first_rows(after, changed)));
        CHECK_FALSE(same_bits(before, after));
      }
    }
}

TEST_CASE("padding and neighbours in the batch change nothing, to the bit", "[attention]") {
  constexpr Index n = 70, width = 4, length = 41;
  for (const auto& [name, normalizer] : all_normalizers(2))
    for (const AttentionKernel kernel : fast_kernels(*normalizer))
      for (const bool causal : {false, true}) {
        const auto inputs = attention_inputs({2, 2, 2, n, n, width}, *normalizer, DType::float32);
        const Function padded =
            attention_function(*normalizer, kernel, {.lengths = lengths_of({length, n}), .causal = causal});
        std::vector<Tensor> other;
        for (const Tensor& x : inputs) other.push_back(x.clone());
        for (std::size_t i = 1; i < 3; ++i)  // keys and values
          for (Index at = 0; at < other[i].size(); ++at) {
            const Index token = at / width % n, b = at / (2 * n * width);
            if (b == 0 && token >= length) other[i].set(at, kNaN);  // padding
            if (b == 1) other[i].set(at, -other[i].at(at));         // the neighbour
          }
        const Tensor before = play(padded, inputs).y, after = play(padded, other).y;
        INFO(title(name, causal ? "causal" : "bidirectional", kernel));
        CHECK(same_bits(before.rows(0, 1), after.rows(0, 1)));
        CHECK_FALSE(same_bits(before.rows(1, 1), after.rows(1, 1)));
      }
}

TEST_CASE("attention has the same bits on any number of threads", "[attention]") {
  for (const auto& [name, normalizer] : all_normalizers(4))
    for (const AttentionKernel kernel : kAllKernels) {
      if (!has(*normalizer, kernel)) continue;
      const auto inputs = attention_inputs({2, 4, 2, 131, 131, 8}, *normalizer, DType::float32);
      const Tensor dy = random_tensor({2, 4, 131, 8}, 9, -1, 1, DType::float32);
      const Function f = attention_function(*normalizer, kernel, {.causal = true});
      const Played one = play(f, inputs, dy, 1), four = play(f, inputs, dy, 4);
      INFO(title(name, "causal", kernel));
      CHECK(same_bits(one.y, four.y));
      for (std::size_t i = 0; i < one.dx.size(); ++i) CHECK(same_bits(one.dx[i], four.dx[i]));
    }
}

TEST_CASE("grouped queries equal repeated heads", "[attention]") {
  for (const auto& [name, normalizer] : all_normalizers(4))
    for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
      auto inputs = attention_inputs({2, 4, 2, 9, 9, 3}, *normalizer);
      const Function f = attention_function(*normalizer, kernel, {.causal = true});
      const Tensor grouped = play(f, inputs).y;
      for (std::size_t i = 1; i < 3; ++i) {
        Tensor repeated = Tensor::empty({2, 4, 9, 3}, DType::float64);
        for (Index at = 0; at < repeated.size(); ++at) {
          const Index head = at / 27;
          repeated.set(at, inputs[i].at((head / 4 * 2 + head % 4 / 2) * 27 + at % 27));
        }
        inputs[i] = repeated;
      }
      INFO(title(name, "causal", kernel));
      check_close(grouped, play(f, inputs).y);
    }
}

TEST_CASE("rows without a visible key give zeros and no gradient", "[attention]") {
  for (const auto& [name, normalizer] : all_normalizers(1))
    for (const AttentionKernel kernel : kAllKernels) {
      if (!has(*normalizer, kernel)) continue;
      const auto inputs = attention_inputs({2, 1, 1, 5, 5, 3}, *normalizer);
      const Played played = play(attention_function(*normalizer, kernel, {.lengths = lengths_of({0, 5})}), inputs);
      INFO(title(name, "an empty sequence", kernel));
      for (Index i = 0; i < 15; ++i) {
        CHECK(played.y.at(i) == 0);
        for (std::size_t x = 0; x < 3; ++x) CHECK(played.dx[x].at(i) == 0);
      }
    }
}

TEST_CASE("weights have the traits that their normalizer declares", "[attention]") {
  for (const auto& [name, normalizer] : all_normalizers(2)) {
    INFO(name);
    const NormalizerTraits traits = normalizer->traits();
    const auto inputs = attention_inputs({1, 2, 2, 6, 6, 3}, *normalizer);
    const Function f = [&](std::span<const Var> x) {
      ScoreAttention how;
      how.normalizer = normalizer.get();
      how.visibility.causal = true;
      std::size_t next = 3;
      for (std::size_t p = 0; p < normalizer->entries().size(); ++p)
        if (normalizer->entries()[p].parameter.exists()) how.normalizer_parameters[p] = x[next++];
      return attention_weights(x[0], how);
    };
    std::vector<Tensor> scores = inputs;
    scores[0] = random_tensor({1, 2, 6, 6}, 5);
    const Tensor w = play(f, scores).y;
    for (Index row = 0; row < 12; ++row) {
      double sum = 0;
      for (Index j = 0; j < 6; ++j) {
        sum += w.at(row * 6 + j);
        CHECK((w.at(row * 6 + j) > 0) == (j <= row % 6));  // none of them is sparse
      }
      CHECK((std::abs(sum - 1) < 1e-12) == traits.rows_sum_to_one);
    }
  }
}

TEST_CASE("attention keeps no matrix of scores", "[attention][memory]") {
  constexpr Index n = 4096, width = 64;
  for (const auto& [name, normalizer] : all_normalizers(1))
    for (const AttentionKernel kernel : fast_kernels(*normalizer)) {
      const auto inputs = attention_inputs({1, 1, 1, n, n, width}, *normalizer, DType::float32);
      Tape tape;
      std::vector<Var> x;
      for (const Tensor& input : inputs) x.push_back(tape.leaf(input));
      const Var y = attention_function(*normalizer, kernel, {})(x);
      tape.backward(y, Tensor::full(y.shape(), DType::float32, 1));
      INFO(title(name, "bidirectional", kernel));
      CHECK(tape.peak_bytes() < 12'000'000);  // a matrix would have 67 MB
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
  CHECK(error_of([&] {
          score_attention(var({1, 2, 3, 4}), var({1, 2, 3, 4}), var({1, 2, 3, 4}), how);
        }) ==
        "score_attention: the kernel 'streaming' computes the softmax alone; choose 'auto' or 'blocks' for this "
        "normalizer");
  const std::array<Var, 1> packed{var({1, 3, 10})};
  CHECK(error_of([&] { packed_score_attention(packed, 2, 1, how); }) ==
        "score_attention: packed tensor 0 has shape [1, 3, 10]: 4 heads do not divide its width");
  CHECK(error_of([] { attention_kernel("flash"); }) ==
        "attention: there is no kernel 'flash'; known: auto, reference, blocks, streaming");
}
