// What tests of attention share: every normalizer with parameters of its own, and the definition in loops.
#pragma once

#include "attention/normalizers.h"
#include "attention/normalizers/adaptive_temperature.h"
#include "attention/normalizers/credal.h"
#include "attention/normalizers/entmax.h"
#include "attention/normalizers/power.h"
#include "attention/normalizers/relu.h"
#include "attention/normalizers/reluformer.h"
#include "attention/normalizers/sa_softmax.h"
#include "attention/normalizers/sigmoid.h"
#include "attention/normalizers/softmax.h"
#include "attention/normalizers/softplus.h"
#include "attention/normalizers/ssmax.h"
#include "attention/normalizers/topk_softmax.h"
#include "attention/score_attention.h"
#include "attention/score_mixer.h"
#include "core/gradcheck.h"
#include "tests/support/twins.h"

namespace tempera {

struct NamedNormalizer {
  std::string name;
  std::unique_ptr<ScoreNormalizer> normalizer;
};

// A score attention of three heads.
inline std::unique_ptr<ScoreMixerOptions> scores(std::string_view normalizer, std::string_view positions = "none",
                                                 int window = 0) {
  auto options = std::make_unique<ScoreMixerOptions>();
  require(options->normalizer.choose(normalizer) && options->positions.choose(positions), "scores",
          "there is no normalizer {} or no positions {}", normalizer, positions);
  options->window = window;
  options->heads = 3;
  return options;
}

inline std::unique_ptr<ScoreNormalizer> made(const NormalizerOptions& options, Index heads = 1, Index width = 2) {
  return options.make({heads, width, heads * width});
}

// One kind with options of its own: variant<EntmaxOptions>([](auto& o) { o.learned = true; }).
template <class Options, class F>
std::unique_ptr<ScoreNormalizer> variant(Index heads, const F& set) {
  Options options;
  set(options);
  return made(options, heads);
}

// The table, each kind with its defaults, and forms that the defaults leave out.
inline std::vector<NamedNormalizer> all_normalizers(Index heads) {
  std::vector<NamedNormalizer> all;
  for (const Kind& kind : normalizer_kinds())
    all.push_back({std::string(kind.name), made(dynamic_cast<NormalizerOptions&>(*kind.make()), heads)});
  const auto add = [&](const char* name, std::unique_ptr<ScoreNormalizer> normalizer) {
    all.push_back({name, std::move(normalizer)});
  };
  add("softmax, two_pass", std::make_unique<Softmax>(kernels::SoftmaxAlgorithm::two_pass));
  add("sigmoid, learned", std::make_unique<Sigmoid>(heads, -2, true));
  add("ssmax, with bias", std::make_unique<SSMax>(heads, 0.4, true, true));
  add("adaptive_temperature, trained", variant<AdaptiveTemperatureOptions>(heads, [](auto& o) { o.train = true; }));
  add("entmax, 1.3", variant<EntmaxOptions>(heads, [](auto& o) { o.alpha = 1.3; }));
  add("entmax, learned", variant<EntmaxOptions>(heads, [](auto& o) { o.learned = true; }));
  add("power, plain", variant<PowerOptions>(heads, [](auto& o) { o.form = "plain"; }));
  add("power, polynomial mean", variant<PowerOptions>(heads, [](auto& o) {
        o.form = "mean";
        o.power = 2;
        o.eps = 1;
        o.reciprocal_steps = 20;
        o.bound = 1000;
      }));
  for (const char* activation : {"relu_squared", "relu6", "gelu", "softplus", "sigmoid", "identity"})
    all.push_back({fmt::format("relu, {}", activation),
                   variant<ReluOptions>(heads, [&](auto& o) { o.activation = activation; })});
  add("reluformer, learned", variant<ReluformerOptions>(heads, [](auto& o) { o.learned = true; }));
  for (const char* form : {"score", "shifted", "range"})
    all.push_back(
        {fmt::format("sa_softmax, {}", form), variant<SASoftmaxOptions>(heads, [&](auto& o) { o.form = form; })});
  add("softplus, re-weighted in evaluation", variant<SoftplusOptions>(heads, [](auto& o) {
        o.reweight = "evaluation";
        o.power = 3;
      }));
  add("topk_softmax, 2", variant<TopkSoftmaxOptions>(heads, [](auto& o) { o.k = 2; }));
  add("vacuity of credal", make_vacuity());
  add("loss of reluformer", make_reluformer_loss(1, 0.7, 0.4));
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
                                   const Visibility& visibility, const ScoreBias* bias = nullptr,
                                   bool training = false) {
  return [&normalizer, kernel, visibility, bias, training](std::span<const Var> x) {
    ScoreAttention how;
    how.normalizer = &normalizer;
    how.kernel = kernel;
    how.visibility = visibility;
    how.scale = 0.7;
    how.training = training;
    how.bias = bias;
    std::size_t next = 3;
    for (std::size_t p = 0; p < normalizer.entries().size(); ++p)
      if (normalizer.entries()[p].parameter.exists()) how.normalizer_parameters[p] = x[next++];
    return score_attention(x[0], x[1], x[2], how);
  };
}

// The forms that a normalizer has besides the definition.
inline std::vector<AttentionKernel> fast_kernels(const ScoreNormalizer& normalizer) {
  const auto* softmax = dynamic_cast<const Softmax*>(&normalizer);
  if (softmax && softmax->streams()) return {AttentionKernel::blocks, AttentionKernel::streaming};
  return {AttentionKernel::blocks};
}

// The weights of one row, the parameters at what they are where absent.
inline Tensor weights_of(const ScoreNormalizer& normalizer, const std::vector<double>& scores, bool training = false,
                         DType dtype = DType::float64) {
  Tape tape;
  ScoreAttention how;
  how.normalizer = &normalizer;
  how.training = training;
  const Index n = std::ssize(scores);
  Tensor s = Tensor::empty({1, 1, 1, n}, dtype);
  for (Index i = 0; i < n; ++i) s.set(i, scores[static_cast<std::size_t>(i)]);
  return attention_weights(tape.constant(s), how).value().reshaped({n});
}

// dw_i / ds_j of one row, [n, n].
inline Tensor jacobian_of(const ScoreNormalizer& normalizer, const std::vector<double>& scores) {
  const Index n = std::ssize(scores);
  Tensor result = Tensor::empty({n, n}, DType::float64);
  for (Index i = 0; i < n; ++i) {
    Tensor s = Tensor::empty({1, 1, 1, n}, DType::float64), dw = Tensor::zeros({1, 1, 1, n}, DType::float64);
    for (Index j = 0; j < n; ++j) s.set(j, scores[static_cast<std::size_t>(j)]);
    dw.set(i, 1);
    const Played played = play(
        [&](std::span<const Var> x) {
          ScoreAttention how;
          how.normalizer = &normalizer;
          return attention_weights(x[0], how);
        },
        {s}, dw);
    for (Index j = 0; j < n; ++j) result.set(i * n + j, played.dx[0].at(j));
  }
  return result;
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
