#include "attention/attention_examples.h"

#include <cmath>

#include "attention/biases/alibi.h"
#include "attention/biases/bucket_bias.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/ssmax.h"

namespace tempera {
namespace {

// What PyTorch does not have by name stands as its formula: exp(s) over the sum of the keys that are seen.
const char* const kWindow =
    "(lambda q, k, v, m: (lambda w: w @ v / w.sum(-1, keepdim=True).clamp_min(1e-30))((0.6 * q @ k.mT).exp() * m))("
    "a[..., :4].reshape(2, 5, 2, 2).transpose(1, 2), a[:, None, :, 4:6], a[:, None, :, 6:], "
    "torch.ones(5, 5).tril().triu(-1) * (torch.arange(5) < torch.tensor([5, 2])[:, None, None, None]))"
    ".transpose(1, 2).reshape(2, 5, 4)";
const char* const kAlibi =
    "F.scaled_dot_product_attention(a.reshape(1, 3, 2, 2).transpose(1, 2), "
    "b[..., :4].reshape(1, 5, 2, 2).transpose(1, 2), b[..., 4:].reshape(1, 5, 2, 2).transpose(1, 2), scale=0.6, "
    "attn_mask=-torch.tensor([2**-4, 2**-8], dtype=a.dtype)[:, None, None] "
    "* (torch.arange(5) - torch.arange(3)[:, None]).abs()).transpose(1, 2).reshape(1, 3, 4)";
const char* const kBuckets =
    "F.scaled_dot_product_attention(a, b, c, scale=0.6, "
    "attn_mask=d[:, (torch.arange(5)[:, None] - torch.arange(5)).clamp(0, 3)]"
    ".masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)[None])";
const char* const kSSMax = "torch.softmax((d * math.log(5) + e)[:, None, None] * 0.6 * (a @ b.mT), -1) @ c";
const char* const kSigmoid =
    "torch.sigmoid(0.6 * a @ b.mT + d[:, None, None] - torch.arange(1, 5, dtype=a.dtype)[:, None].log()).tril() @ c";
const char* const kWeights =
    "(lambda d, n: torch.softmax(((a + c[:, torch.where(d > 0, 4 + d.clamp(max=3), (-d).clamp(0, 3))]) "
    "* b[:, None, None] * n.log()).masked_fill(torch.arange(5) >= n, -math.inf), -1))("
    "torch.arange(5) - torch.arange(3)[:, None], torch.tensor([3, 5], dtype=a.dtype)[:, None, None, None])";

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
          fmt::format("F.scaled_dot_product_attention(a, b, c, scale=0.6, is_causal={}{})", causal ? "True" : "False",
                      q[1] == k[1] ? "" : ", enable_gqa=True")};
}

}  // namespace

bool streams(const ScoreNormalizer& normalizer) {
  const auto* softmax = dynamic_cast<const Softmax*>(&normalizer);
  return softmax != nullptr && softmax->streams();
}

std::vector<Example> attention_examples(AttentionKernel kernel) {
  std::vector<Example> all{
      plain("bidirectional", kernel, false, {1, 2, 3, 5}, {1, 2, 7, 5}),
      plain("causal", kernel, true, {2, 1, 5, 3}, {2, 1, 5, 3}),
      plain("one token", kernel, true, {2, 2, 1, 3}, {2, 2, 1, 3}),
      plain("grouped queries", kernel, true, {1, 4, 3, 2}, {1, 2, 3, 2}),
      plain("more than a vector of keys", kernel, false, {1, 1, 2, 2}, {1, 1, 19, 2}),
  };
  all[2].torch = "c + 0 * a + 0 * b";  // so that the gradients are 0 and not what rounding leaves of it
  all.push_back({"packed, lengths, window",
                 {{{2, 5, 8}}},
                 [kernel](std::span<const Var> x) {
                   ScoreAttention how = softmax_attention(kernel, true);
                   how.visibility.window = 2;
                   static const Tensor lengths = Tensor::from<std::int32_t>({2}, {5, 2});
                   how.visibility.lengths = lengths;  // the last row sees nothing
                   return packed_score_attention(x, 2, 1, how);
                 },
                 kWindow});
  all.push_back({"packed, cross, ALiBi",
                 {{{1, 3, 4}}, {{1, 5, 8}}},
                 [kernel](std::span<const Var> x) {
                   static const Alibi alibi(2);
                   ScoreAttention how = softmax_attention(kernel, false);
                   how.bias = &alibi;
                   return packed_score_attention(x, 2, 2, how);
                 },
                 kAlibi});
  all.push_back({"T5 bias",
                 {{{2, 2, 5, 2}}, {{2, 2, 5, 2}}, {{2, 2, 5, 2}}, {{2, 4}}},
                 [kernel](std::span<const Var> x) {
                   static const BucketBias bias(2, 4, 3, true);
                   ScoreAttention how = softmax_attention(kernel, true);
                   how.bias = &bias;
                   how.bias_parameters[0] = x[3];
                   return score_attention(x[0], x[1], x[2], how);
                 },
                 kBuckets});
  if (kernel == AttentionKernel::streaming) return all;
  all.push_back({"SSMax",
                 {{{2, 2, 3, 2}}, {{2, 1, 5, 2}}, {{2, 1, 5, 3}}, {{2}, 0.2, 1}, {{2}}},
                 [kernel](std::span<const Var> x) {
                   static const SSMax ssmax(2, 0.4, true, true);
                   ScoreAttention how = softmax_attention(kernel, false);
                   how.normalizer = &ssmax;
                   how.normalizer_parameters = {x[3], x[4]};
                   return score_attention(x[0], x[1], x[2], how);
                 },
                 kSSMax});
  all.push_back({"sigmoid",
                 {{{1, 2, 4, 2}}, {{1, 2, 4, 2}}, {{1, 2, 4, 2}}, {{2}}},
                 [kernel](std::span<const Var> x) {
                   static const Sigmoid sigmoid(2, std::nullopt, true);
                   ScoreAttention how = softmax_attention(kernel, true);
                   how.normalizer = &sigmoid;
                   how.normalizer_parameters[0] = x[3];
                   return score_attention(x[0], x[1], x[2], how);
                 },
                 kSigmoid});
  return all;
}

std::vector<Example> attention_weights_examples() {
  const auto softmax = [](bool causal) {
    return [causal](std::span<const Var> x) {
      return attention_weights(x[0], softmax_attention(AttentionKernel::automatic, causal));
    };
  };
  return {{"softmax", {{{2, 1, 3, 19}, -3, 3}}, softmax(false), "torch.softmax(a, -1)"},
          {"softmax, causal",
           {{{1, 2, 5, 5}, -3, 3}},
           softmax(true),
           "a.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf).softmax(-1)"},
          {"SSMax and T5 bias, lengths",
           {{{2, 2, 3, 5}, -3, 3}, {{2}, 0.2, 1}, {{2, 8}}},
           [](std::span<const Var> x) {
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
           },
           kWeights}};
}

}  // namespace tempera
