// What tests of attention share: every normalizer with parameters of its own, and the definition in loops.
#pragma once

#include "attention/normalizers.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/ssmax.h"
#include "attention/score_attention.h"
#include "core/gradcheck.h"
#include "tests/support/twins.h"

namespace tempera {

struct NamedNormalizer {
  std::string name;
  std::unique_ptr<ScoreNormalizer> normalizer;
};

// The table, each kind with its defaults, and some with everything learned.
inline std::vector<NamedNormalizer> all_normalizers(Index heads) {
  std::vector<NamedNormalizer> all;
  for (const Kind& kind : normalizer_kinds())
    all.push_back({std::string(kind.name), dynamic_cast<NormalizerOptions&>(*kind.make()).make(heads)});
  all.push_back({"sigmoid, learned", std::make_unique<Sigmoid>(heads, -2, true)});
  all.push_back({"ssmax, with bias", std::make_unique<SSMax>(heads, 0.4, true, true)});
  return all;
}

struct AttentionShape {
  Index batch, heads, kv_heads, queries, keys, width;
};

// q, k, v and the parameters of the normalizer.
inline std::vector<Tensor> attention_inputs(const AttentionShape& s, const ScoreNormalizer& normalizer,
                                            DType dtype = DType::float64) {
  std::vector<Tensor> inputs{random_tensor({s.batch, s.heads, s.queries, s.width}, 1, -2, 2, dtype),
                             random_tensor({s.batch, s.kv_heads, s.keys, s.width}, 2, -2, 2, dtype),
                             random_tensor({s.batch, s.kv_heads, s.keys, s.width}, 3, -2, 2, dtype)};
  for (const auto& entry : normalizer.entries())
    if (entry.parameter.exists()) inputs.push_back(random_tensor(entry.parameter.shape, 4, 0.2, 0.9, dtype));
  return inputs;
}

inline Function attention_function(const ScoreNormalizer& normalizer, AttentionKernel kernel,
                                   const Visibility& visibility, const ScoreBias* bias = nullptr) {
  return [&normalizer, kernel, visibility, bias](std::span<const Var> x) {
    ScoreAttention how;
    how.normalizer = &normalizer;
    how.kernel = kernel;
    how.visibility = visibility;
    how.scale = 0.7;
    how.bias = bias;
    std::size_t next = 3;
    for (std::size_t p = 0; p < normalizer.entries().size(); ++p)
      if (normalizer.entries()[p].parameter.exists()) how.normalizer_parameters[p] = x[next++];
    return score_attention(x[0], x[1], x[2], how);
  };
}

// The forms that a normalizer has besides the definition.
inline std::vector<AttentionKernel> fast_kernels(const ScoreNormalizer& normalizer) {
  if (dynamic_cast<const Softmax*>(&normalizer)) return {AttentionKernel::blocks, AttentionKernel::streaming};
  return {AttentionKernel::blocks};
}

inline Tensor lengths_of(std::initializer_list<std::int32_t> lengths) {
  return Tensor::from<std::int32_t>({std::ssize(lengths)}, lengths);
}

// Softmax attention by its definition, one product at a time, with visibility said anew.
inline Tensor softmax_attention_twin(const std::vector<Tensor>& x, const Visibility& v, double scale) {
  const Tensor &q = x[0], &k = x[1], &values = x[2];
  const Index heads = q.dim(1), group = heads / k.dim(1), n = q.dim(2), m = k.dim(2), d = q.dim(3), e = values.dim(3);
  Tensor y = Tensor::zeros({q.dim(0), heads, n, e}, DType::float64);
  for (Index b = 0; b < q.dim(0); ++b)
    for (Index h = 0; h < heads; ++h)
      for (Index i = 0; i < n; ++i) {
        const auto visible = [&](Index j) {
          if (v.lengths.defined() && j >= static_cast<Index>(v.lengths.at(b))) return false;
          if (v.causal && j > i && j >= v.prefix) return false;
          if (v.window > 0 && v.causal && i - j >= v.window) return false;
          return !(v.window > 0 && !v.causal && std::abs(static_cast<double>(i - j)) > static_cast<double>(v.window));
        };
        const Index key_head = b * k.dim(1) + h / group;
        std::vector<double> w(static_cast<std::size_t>(m), 0);
        double top = -kInf, sum = 0;
        for (Index j = 0; j < m; ++j) {
          if (!visible(j)) continue;
          double s = 0;
          for (Index c = 0; c < d; ++c) s += q.at(((b * heads + h) * n + i) * d + c) * k.at((key_head * m + j) * d + c);
          w[static_cast<std::size_t>(j)] = scale * s;
          top = std::max(top, scale * s);
        }
        for (Index j = 0; j < m; ++j) {
          double& weight = w[static_cast<std::size_t>(j)];
          weight = visible(j) ? std::exp(weight - top) : 0;
          sum += weight;
        }
        for (Index j = 0; sum > 0 && j < m; ++j)
          for (Index c = 0; c < e; ++c) {
            const Index at = ((b * heads + h) * n + i) * e + c;
            y.set(at, y.at(at) + w[static_cast<std::size_t>(j)] / sum * values.at((key_head * m + j) * e + c));
          }
      }
  return y;
}

}  // namespace tempera
