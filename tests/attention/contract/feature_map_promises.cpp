#include "tests/attention/contract/feature_map_promises.h"

#include "attention/linear_attention.h"
#include "core/gradcheck.h"
#include "tests/attention/contract/compare.h"
#include "tests/support/attention.h"

namespace tempera {
namespace {

using Side = FeatureMap::Side;
constexpr Index kHeads = 2, kWidth = 4;

struct Running {
  std::unique_ptr<FeatureMap> map;
  Parameters parameters;

  Running(const FeatureMapOptions& options, DType dtype)
      : map(options.make(kHeads, kWidth)), parameters(*map, dtype, Rng(3, "features")) {}
  Tensor features(const Tensor& x, Side side) const {
    Tape tape;
    Context context(tape, parameters);
    context.begin(0, 0);
    return map->forward(context, tape.constant(x), side).value().clone();
  }
};

Tensor draw(Index batch, Index n, std::uint64_t seed, DType dtype = DType::float64) {
  return random_tensor({batch, kHeads, n, kWidth}, seed, -2, 2, dtype);
}

std::string gradients(const FeatureMapOptions& options) {
  const Running run(options, DType::float64);
  std::vector<Tensor> inputs{draw(2, 3, 1)};
  for (const auto& entry : run.parameters.entries()) inputs.push_back(entry.parameter->value.clone());
  std::string wrong;
  for (const Side side : {Side::query, Side::key}) {
    const auto f = [&](std::span<const Var> x) {
      Context context(x[0].tape(), run.parameters);
      context.bind(x.subspan(1));
      return run.map->forward(context, x[0], side);
    };
    GradcheckOptions check;
    check.tolerance = 1e-7;
    const auto report = gradcheck(f, inputs, check);
    if (!report.ok) wrong += report.table(side == Side::query ? "queries" : "keys");
  }
  return wrong;
}

std::string shapes(const FeatureMapOptions& options) {
  const Running run(options, DType::float64);
  const Shape wanted{2, kHeads, 3, run.map->features(kWidth)};
  std::string wrong;
  for (const Side side : {Side::query, Side::key}) {
    const Shape got = run.features(draw(2, 3, 1), side).shape();
    if (got != wanted) wrong += fmt::format("features are {}, {} was wanted\n", got, wanted);
  }
  return wrong;
}

std::string single_precision(const FeatureMapOptions& options) {
  const Running single(options, DType::float32), twice(options, DType::float64);
  for (std::size_t i = 0; i < single.parameters.entries().size(); ++i) {
    Tensor& value = twice.parameters.entries()[i].parameter->value;
    for (Index k = 0; k < value.size(); ++k) value.set(k, single.parameters.entries()[i].parameter->value.at(k));
  }
  const Tensor x = draw(2, 9, 2, DType::float32);
  return difference("queries", single.features(x, Side::query).to(DType::float64),
                    twice.features(x.to(DType::float64), Side::query), 1e-5);
}

// A token's features know no other token, no other sequence, and not its place: what causality, padding, decoding and
// permutations rest on.
std::string own_token(const FeatureMapOptions& options) {
  const Running run(options, DType::float32);
  const Tensor x = draw(2, 7, 3, DType::float32);
  const auto order = Rng(4, "order").permutation(7);
  std::string wrong;
  for (const Side side : {Side::query, Side::key}) {
    const Tensor all = run.features(x, side);
    wrong += other_bits("one sequence alone", run.features(x.rows(1, 1), side), all.rows(1, 1));
    wrong += other_bits("permuted tokens", run.features(permuted_tokens(x, order), side), permuted_tokens(all, order));
    Tensor other = x.clone();
    for (Index h = 0; h < 2 * kHeads; ++h)
      for (Index c = 0; c < kWidth; ++c) other.set((h * 7 + 6) * kWidth + c, 9);
    const Tensor changed = run.features(other, side);
    const Index width = all.dim(3);
    for (Index i = 0; i < all.size(); ++i)
      if (i / width % 7 < 6 && changed.at(i) != all.at(i)) return wrong + "another token changes the features\n";
  }
  return wrong;
}

// o_i = sum_j <f_i, g_j> v_j / (sum_j <f_i, g_j> + eps), by itself.
Tensor explicit_form(const Tensor& f, const Tensor& g, const Tensor& v, bool causal, Index seen, double eps) {
  const Index heads = f.dim(0) * f.dim(1), n = f.dim(2), width = f.dim(3), values = v.dim(3);
  Tensor y = Tensor::zeros({f.dim(0), f.dim(1), n, values}, DType::float64);
  for (Index h = 0; h < heads; ++h)
    for (Index i = 0; i < n; ++i) {
      double total = eps;
      std::vector<double> sum(static_cast<std::size_t>(values));
      for (Index j = 0; j < (causal ? std::min(i + 1, seen) : seen); ++j) {
        double w = 0;
        for (Index c = 0; c < width; ++c) w += f.at((h * n + i) * width + c) * g.at((h * n + j) * width + c);
        total += w;
        for (Index c = 0; c < values; ++c) sum[static_cast<std::size_t>(c)] += w * v.at((h * n + j) * values + c);
      }
      for (Index c = 0; c < values; ++c) y.set((h * n + i) * values + c, sum[static_cast<std::size_t>(c)] / total);
    }
  return y;
}

std::string forms(const FeatureMapOptions& options) {
  constexpr Index n = 133, seen = 97;  // three chunks, and a part of them
  const Running run(options, DType::float64);
  const Tensor f = run.features(draw(1, n, 5), Side::query), g = run.features(draw(1, n, 6), Side::key);
  const Tensor v = draw(1, n, 7);
  std::string wrong;
  for (const bool causal : {false, true})
    for (const bool padded : {false, true}) {
      Tape tape;
      Visibility visibility{.causal = causal};
      if (padded) visibility.lengths = lengths_of({seen});
      const Tensor got =
          linear_attention(tape.constant(f), tape.constant(g), tape.constant(v), visibility, 1e-6).value();
      const Tensor wanted = explicit_form(f, g, v, causal, padded ? seen : n, 1e-6);
      wrong += difference(fmt::format("{}{}", causal ? "causal" : "bidirectional", padded ? ", padded" : ""), got,
                          wanted, 1e-10);
    }
  Tape tape;
  LinearAttentionState state{Tensor::zeros({1, kHeads, f.dim(3), kWidth}, DType::float64),
                             Tensor::zeros({1, kHeads, f.dim(3)}, DType::float64)};
  const Tensor wanted = explicit_form(f, g, v, true, n, 1e-6);
  const auto token = [](const Tensor& x, Index i) {
    Tensor part = Tensor::empty({1, kHeads, 1, x.dim(3)}, x.dtype());
    for (Index k = 0; k < part.size(); ++k) part.set(k, x.at((k / x.dim(3) * x.dim(2) + i) * x.dim(3) + k % x.dim(3)));
    return part;
  };
  for (Index i = 0; i < n; ++i)
    wrong += difference(fmt::format("decoding token {}", i),
                        linear_attention_step(tape, token(f, i), token(g, i), token(v, i), state, 1e-6),
                        token(wanted, i), 1e-10);
  return wrong;
}

constexpr FeatureMapPromise kPromises[] = {
    {"gradients", gradients},
    {"shapes", shapes},
    {"float32 agrees with float64", single_precision},
    {"a token by itself", own_token},
    {"every form is the definition", forms},
};

}  // namespace

std::span<const FeatureMapPromise> feature_map_promises() {
  return kPromises;
}

}  // namespace tempera
