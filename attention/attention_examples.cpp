#include "attention/attention_examples.h"

#include <cmath>

#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/ssmax.h"

namespace tempera {
namespace {

const char* const kTorch = "F.scaled_dot_product_attention(a, b, c, scale=0.6, is_causal={})";

ScoreAttention softmax_attention(AttentionKernel kernel, bool causal) {
  static const Softmax softmax;
  ScoreAttention how;
  how.normalizer = &softmax;
  how.visibility.causal = causal;
  how.scale = 0.6;
  how.kernel = kernel;
  return how;
}

Example plain(std::string name, AttentionKernel kernel, bool causal, Shape q, Shape k) {
  return {std::move(name),
          {{q}, {k}, {k}},
          [=](std::span<const Var> x) { return score_attention(x[0], x[1], x[2], softmax_attention(kernel, causal)); },
          q[1] == k[1] ? fmt::format(fmt::runtime(kTorch), causal ? "True" : "False") : std::string()};
}

}  // namespace

bool is_softmax(const ScoreNormalizer& normalizer) {
  return dynamic_cast<const Softmax*>(&normalizer) != nullptr;
}

std::vector<Example> attention_examples(AttentionKernel kernel) {
  std::vector<Example> all{
      plain("bidirectional", kernel, false, {1, 2, 3, 5}, {1, 2, 7, 5}),
      plain("causal", kernel, true, {2, 1, 5, 3}, {2, 1, 5, 3}),
      plain("one token", kernel, true, {2, 2, 1, 3}, {2, 2, 1, 3}),
      plain("grouped queries", kernel, true, {1, 4, 3, 2}, {1, 2, 3, 2}),
      plain("more than a vector of keys", kernel, false, {1, 1, 2, 2}, {1, 1, 19, 2}),
  };
  all.push_back({"packed, lengths, window", {{{2, 5, 8}}}, [kernel](std::span<const Var> x) {
                   ScoreAttention how = softmax_attention(kernel, true);
                   how.visibility.window = 2;
                   static const Tensor lengths = Tensor::from<std::int32_t>({2}, {5, 2});
                   how.visibility.lengths = lengths;  // the last row sees nothing
                   return packed_score_attention(x, 2, 1, how);
                 }});
  all.push_back({"packed, cross, ALiBi", {{{1, 3, 4}}, {{1, 5, 8}}}, [kernel](std::span<const Var> x) {
                   static const Alibi alibi(2);
                   ScoreAttention how = softmax_attention(kernel, false);
                   how.bias = &alibi;
                   return packed_score_attention(x, 2, 2, how);
                 }});
  all.push_back(
      {"T5 bias", {{{2, 2, 5, 2}}, {{2, 2, 5, 2}}, {{2, 2, 5, 2}}, {{2, 4}}}, [kernel](std::span<const Var> x) {
         static const BucketBias bias(2, 4, 3, true);
         ScoreAttention how = softmax_attention(kernel, true);
         how.bias = &bias;
         how.bias_parameters[0] = x[3];
         return score_attention(x[0], x[1], x[2], how);
       }});
  if (kernel == AttentionKernel::streaming) return all;
  all.push_back({"SSMax",
                 {{{2, 2, 3, 2}}, {{2, 1, 5, 2}}, {{2, 1, 5, 3}}, {{2}, 0.2, 1}, {{2}}},
                 [kernel](std::span<const Var> x) {
                   static const SSMax ssmax(2, 0.4, true, true);
                   ScoreAttention how = softmax_attention(kernel, false);
                   how.normalizer = &ssmax;
                   how.normalizer_parameters = {x[3], x[4]};
                   return score_attention(x[0], x[1], x[2], how);
                 }});
  all.push_back({"sigmoid", {{{1, 2, 4, 2}}, {{1, 2, 4, 2}}, {{1, 2, 4, 2}}, {{2}}}, [kernel](std::span<const Var> x) {
                   static const Sigmoid sigmoid(2, std::nullopt, true);
                   ScoreAttention how = softmax_attention(kernel, true);
                   how.normalizer = &sigmoid;
                   how.normalizer_parameters[0] = x[3];
                   return score_attention(x[0], x[1], x[2], how);
                 }});
  return all;
}

std::vector<Example> attention_weights_examples() {
  const auto softmax = [](bool causal) {
    return [causal](std::span<const Var> x) {
      return attention_weights(x[0], softmax_attention(AttentionKernel::automatic, causal));
    };
  };
  return {{"softmax", {{{2, 1, 3, 19}, -3, 3}}, softmax(false), "torch.softmax(a, -1)"},
          {"softmax, causal", {{{1, 2, 5, 5}, -3, 3}}, softmax(true)},
          {"SSMax and T5 bias, lengths", {{{2, 2, 3, 5}, -3, 3}, {{2}, 0.2, 1}, {{2, 8}}}, [](std::span<const Var> x) {
             static const SSMax ssmax(2, 0.4, true, false);
             static const BucketBias bias(2, 8, 4, false);
             ScoreAttention how = softmax_attention(AttentionKernel::automatic, false);
             how.normalizer = &ssmax;
             how.bias = &bias;
             how.normalizer_parameters[0] = x[1];
             how.bias_parameters[0] = x[2];
             static const Tensor lengths = Tensor::from<std::int32_t>({2}, {3, 5});
             how.visibility.lengths = lengths;
             return attention_weights(x[0], how);
           }}};
}

}  // namespace tempera
